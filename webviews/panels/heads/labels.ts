/** The labels of heads: hue, shape and letter of each, and what its score measures. */
import { headLabels, type HeadClass, type HeadLabel } from '../../../protocol/results/heads';
import type { Identity, Shape } from '../../charts/palette';
import { headKey } from '../../ui/head-names';
import { significant } from '../../ui/numbers';

export interface LabelInfo {
  readonly id: HeadLabel;
  readonly title: string;
  readonly letter: string;
  readonly definition: string;
  readonly identity: Identity;
}

const words: Readonly<Record<HeadLabel, readonly [title: string, letter: string, shape: Shape, definition: string]>> = {
  'previous-token': [
    'previous token',
    'P',
    'triangle',
    'Mass on the token before each query. Null: each row’s probabilities dealt to its keys at random.',
  ],
  self: [
    'self',
    'S',
    'circle',
    'Mass on the query’s own token. Null: each row’s probabilities dealt to its keys at random.',
  ],
  'first-token-sink': [
    'first-token sink',
    'F',
    'square',
    'Mass on the first token. Null: each row’s probabilities dealt to its keys at random.',
  ],
  local: [
    'local',
    'L',
    'hexagon',
    'Mass on the 16 latest tokens. Null: each row’s probabilities dealt to its keys at random.',
  ],
  induction: [
    'induction',
    'I',
    'diamond',
    'On a random sequence said twice: mass on the tokens after earlier occurrences. Null: the sequence not repeated.',
  ],
  'duplicate-token': [
    'duplicate token',
    'D',
    'plus',
    'On a random sequence said twice: mass on earlier occurrences of the same token. Null: the sequence not repeated.',
  ],
  uniform: [
    'uniform',
    'U',
    'cross',
    'Entropy over the mean of ln(readable keys): 1 when all keys are read alike. Null: rows drawn at random, all distributions over their keys equally likely.',
  ],
  retrieval: [
    'retrieval',
    'R',
    'inverted',
    'Keys and values in a random haystack, then the keys again, one separator before every value: share of queries that read the value of their key most. Null: the keys absent from the haystack.',
  ],
};

export const labelInfos: readonly LabelInfo[] = headLabels.map((id, hue) => {
  const [title, letter, shape, definition] = words[id];
  return { id, title, letter, definition, identity: { id, title, code: letter, hue, shape, dash: [] } };
});

const infos = new Map(labelInfos.map((info) => [info.id, info]));
export const labelInfo = (id: HeadLabel): LabelInfo => infos.get(id) ?? (labelInfos[0] as LabelInfo);

/** Mean and deviation of a null model. A deviation that a floor stood in for is said to be below it. */
export const nullWords = ({ mean, sd, floor }: HeadClass['null']): string =>
  `${significant(mean, 2)} ± ${floor === undefined ? significant(sd, 2) : `below ${floor}`}`;

/** The labels of each head, its strongest first, as they come in the result. */
export function labelsByHead(classes: readonly HeadClass[]): ReadonlyMap<string, readonly HeadClass[]> {
  const byHead = new Map<string, HeadClass[]>();
  for (const one of classes) {
    const key = headKey(one.layer, one.head);
    byHead.set(key, [...(byHead.get(key) ?? []), one]);
  }
  return byHead;
}
