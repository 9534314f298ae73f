/** What a run of multiple choice says in a few sentences, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import { partName } from '../../shared/effects/parts';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { ChoiceResult, Node } from './result';
import { leastElsewhere } from './types';

export const outputOf = ({ nodes = [], output = [] }: Partial<ChoiceResult>): readonly Node[] =>
  output.flatMap((place) => nodes[place] ?? []);

/** Heads of a type among the output nodes. */
const ofType = (nodes: readonly Node[], type: string): readonly Node[] =>
  nodes.filter(({ attention }) => attention?.type === type);

const named = 6;
const namesOf = (nodes: readonly Node[]): string => {
  const names = nodes.slice(0, named).map(partName);
  return nodes.length > named ? `${names.join(', ')} and ${nodes.length - named} more` : names.join(', ');
};

export function finding(result: Partial<ChoiceResult>): string {
  const { byShots = [], prompts = 0, chance, atChance, nodes, patched } = result;
  const last = byShots.at(-1);
  if (!last || !chance) return 'No question was answered yet.';
  const { letter, content, shots } = last;
  const behind = shots === 0 ? '' : ` behind ${counted(shots, 'solved example', 'solved examples')}`;
  const range = `95 % interval ${percent(letter.low)} to ${percent(letter.high)}`;
  const contents = Number.isNaN(content.mean) ? '' : `, ${percent(content.mean)} by the text of the options`;
  const words = [
    `${percent(letter.mean)} of ${prompts} questions are answered by letter${behind} (${range}; chance is ${percent(chance.accuracy)})${contents}.`,
  ];
  if (atChance === true) {
    words.push(
      nodes
        ? 'That is not better than chance, so that the heads below explain no skill.'
        : 'That is not better than chance, so there is nothing for heads to explain. Try another model, or more questions.',
    );
  }
  const output = outputOf(result);
  if (!nodes) return words.join(' ');
  if (output.length === 0) return [...words, 'No head or MLP raises the right label directly.'].join(' ');
  const heads = output.filter(({ head }) => head !== undefined).length;
  words.push(
    `${counted(heads, 'head', 'heads')} and ${counted(output.length - heads, 'MLP', 'MLPs')} have most of the direct effect on the right label: ${namesOf(output)}.`,
  );
  const attending = (nodes: readonly Node[], what: string): string =>
    `${namesOf(nodes)} ${nodes.length === 1 ? 'attends' : 'attend'} to ${what}.`;
  const correct = ofType(output, 'correct letter');
  const reading = output.filter(({ attention }) => (attention?.rightOption ?? 0) >= leastElsewhere);
  if (correct.length > 0) words.push(attending(correct, 'the label of the right option'));
  if (reading.length > 0) words.push(attending(reading, 'the right option itself'));
  if (correct.length + reading.length === 0) words.push('None attends to the right option or to its label.');
  const [plain, , without, alone] = patched ?? [];
  if (plain && without && alone) {
    const loss = (one: { readonly loss: { readonly mean: number } }): string => threeDigits(one.loss.mean);
    words.push(
      `The loss among the labels is ${loss(plain)} nats; with the output nodes taken from other prompts it is ${loss(without)}, with all others taken from them ${loss(alone)} (chance: ${threeDigits(chance.loss)}).`,
    );
  }
  return words.join(' ');
}

export function offers(result: ChoiceResult): readonly Offer[] {
  const heads = outputOf(result).filter(({ head }) => head !== undefined);
  const without = (some: readonly Node[], title: string, words: string): readonly Offer[] =>
    some.length === 0
      ? []
      : [
          {
            title,
            description: `Replaces the output of ${counted(some.length, 'head', 'heads')} ${words} by its mean over the prompt.`,
            interventions: some.map(({ layer, head = 0 }) => ({ kind: 'head', layer, head, source: { from: 'mean' } })),
          },
        ];
  return [
    ...without(heads, 'Without the output heads', 'with most of the direct effect on the right letter'),
    ...without(
      ofType(heads, 'correct letter'),
      'Without the correct-letter heads',
      'that attend to the label of the right option',
    ),
  ];
}
