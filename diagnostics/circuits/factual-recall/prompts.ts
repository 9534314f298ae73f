/** The prompts of a task as facts: a topic, an answer, the position that the answer follows. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob } from '../../analysis';
import { drawn } from '../../shared/circuits/verdict';
import { refusal } from '../../../protocol/wire/failures';
import type { Sequence } from '../../model-runner/sequence';
import type { TaskTokens } from '../../tasks/task-tokens';

export interface Fact {
  readonly sequence: Sequence;
  /** A prompt of equal length about another topic, with another answer. */
  readonly counterpart?: Sequence;
  /** The last position. */
  readonly row: number;
  /** Positions and tokens of the topic. */
  readonly topic: { readonly positions: readonly number[]; readonly ids: readonly number[] };
  /** First token of the right answer. */
  readonly answer: number;
  readonly words: { readonly topic: string; readonly answer: string; readonly template: string };
  /** Whether the answer has more tokens than the one that is looked at. */
  readonly long: boolean;
}

export interface Facts {
  readonly all: readonly Fact[];
  /** First tokens of all answers, each once. */
  readonly candidates: readonly number[];
  /** Indices of `all`: on what is fitted, and on what is tested. */
  readonly fitted: readonly number[];
  readonly held: readonly number[];
  readonly heldBy: 'template' | 'prompt';
}

/** Templates from which on they are held out as a whole. */
const leastTemplates = 3;
/** Two that differ to fit on, one to test on. */
const leastPrompts = 3;

type Job = Pick<AnalysisJob<{ readonly heldOut: number }>, 'input' | 'seed' | 'parameters'>;

/** Fails with a sentence where the task has no topic, or too few prompts. */
export function factsOf({ input, seed, parameters }: Job, tokens: Pick<TaskTokens, 'decode'>): Facts {
  const { task, samples } = input.task ?? {};
  if (!task || !samples) throw new RangeError('the analysis reads a task');
  const all = samples.map(({ prompt, counterpart, answers, roles, facts }): Fact => {
    const positions = roles['subject'] ?? roles[task.changed] ?? [];
    const [answer] = answers.right;
    if (positions.length === 0 || answer === undefined) {
      throw refusal(
        `A prompt of ${task.title} has no topic. Give it a role "subject", or a counterpart with another topic.`,
      );
    }
    const ids = positions.map((at) => prompt.ids[at] ?? 0);
    return {
      sequence: prompt,
      ...(counterpart?.ids.length === prompt.ids.length ? { counterpart } : {}),
      row: prompt.ids.length - 1,
      topic: { positions, ids },
      answer,
      words: {
        topic: tokens.decode(ids).trim(),
        answer: (answers.texts.right[0] ?? '').trim(),
        template: [facts['relation'], facts['template']].filter((one) => one !== undefined).join(' '),
      },
      long: answers.rest.length > 0,
    };
  });
  if (all.length < leastPrompts) {
    throw refusal(
      `The task has ${all.length} prompts, and a regression that is tested needs at least ${leastPrompts}. Give more samples.`,
    );
  }
  return { all, candidates: [...new Set(all.map(({ answer }) => answer))], ...split(all, parameters.heldOut, seed) };
}

function split(all: readonly Fact[], share: number, seed: number): Pick<Facts, 'fitted' | 'held' | 'heldBy'> {
  const templates = [...new Set(all.map(({ words }) => words.template))].sort();
  const heldBy = templates.length >= leastTemplates ? 'template' : 'prompt';
  const units: readonly (string | number)[] = heldBy === 'template' ? templates : [...all.keys()];
  const count = Math.min(units.length - 1, Math.max(1, Math.round((share / 100) * units.length)));
  const chosen = new Set(drawn(units, count, random(seedFor(seed, 'held out'))));
  const isHeld = (at: number): boolean => chosen.has(heldBy === 'template' ? (all[at]?.words.template ?? '') : at);
  const held = [...all.keys()].filter(isHeld);
  return { fitted: [...all.keys()].filter((at) => !isHeld(at)), held, heldBy };
}
