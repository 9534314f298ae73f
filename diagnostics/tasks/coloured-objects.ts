/** Three things of three colours; one of them is asked for. */
import type { Random } from '../../kernels/tensors/random';
import type { Task } from './task';
import { pick, sample, textDraft, type Part } from './draft';
import { article, colours, objects, surfaces } from './words';
import * as field from '../../kernels/parameters';

const capital = (word: string): string => ` ${word.charAt(0).toUpperCase()}${word.slice(1)}`;

interface Scene {
  readonly surface: string;
  readonly seen: string;
  readonly things: readonly { readonly object: string; readonly colour: string }[];
}

function sceneOf(random: Random): Scene {
  const shown = sample(random, colours, 3);
  return {
    surface: pick(random, surfaces),
    seen: pick(random, ['there is', 'you see', 'I see']),
    things: sample(random, objects, 3).map((object, at) => ({ object, colour: shown[at] ?? '' })),
  };
}

const lead = ({ surface, seen }: Scene): string => `Q: On the ${surface}, ${seen}`;
const between = ['', ',', ', and'];

/** A question whose answer is given. */
function solved(random: Random): string {
  const scene = sceneOf(random);
  const asked = pick(random, scene.things);
  const listed = scene.things.map(
    ({ object, colour }, at) => `${between[at] ?? ''} ${article(colour)} ${colour} ${object}`,
  );
  return `${lead(scene)}${listed.join('')}. What color is the ${asked.object}?\nA:${capital(asked.colour)}\n`;
}

export const colouredObjects: Task<{ shots: number }> = {
  id: 'coloured-objects',
  title: 'Coloured objects',
  metric: 'logit-difference',
  source: {
    reference: 'Merullo et al. 2023, arXiv:2310.08744, section 2 (from BIG-bench, Ippolito et al., arXiv:2206.04615)',
    trust: 'high',
    note: 'One solved example by default, as in the paper; words are lists of our own. The counterpart asks for another of the three objects. Wrong answers are the two other colours of the scene.',
  },
  parameters: {
    shots: field.integer('Solved examples', 'Questions with their answers before the one that is asked', {
      min: 0,
      max: 8,
      default: 1,
    }),
  },
  roles: {
    'right-colour': 'the colour of the object that is asked for',
    'other-colours': 'the colours of the two others',
    object: 'the object that is asked for, where it is described',
    asked: 'the object in the question',
  },
  changed: 'asked',
  draw({ random }, { shots }) {
    const examples = Array.from({ length: shots }, () => solved(random)).join('');
    const scene = sceneOf(random);
    const [at = 0, other = 1] = sample(random, [0, 1, 2], 2);
    const parts: Part[] = [examples + lead(scene)];
    scene.things.forEach(({ object, colour }, index) => {
      const right = index === at;
      parts.push(`${between[index] ?? ''} ${article(colour)}`);
      parts.push([right ? 'right-colour' : 'other-colours', ` ${colour}`]);
      parts.push(right ? ['object', ` ${object}`] : ` ${object}`);
    });
    const objectAt = (index: number): string => ` ${scene.things[index]?.object ?? ''}`;
    parts.push('. What color is the', ['asked', objectAt(at), objectAt(other)], '?\nA:');
    const answers = (right: number) => {
      const all = scene.things.map(({ colour }) => capital(colour));
      return { right: [all[right] ?? ''], wrong: all.toSpliced(right, 1) };
    };
    return textDraft(parts, {
      answers: answers(at),
      counterpartAnswers: answers(other),
      facts: { shots, asked: at },
    });
  },
};
