/** The labels of heads: hue, shape and letter of each, and what its score measures. */
import { labelWords } from '../../../protocol/results/head-words';
import { headLabels, type HeadLabel } from '../../../protocol/results/heads';
import type { HeadClass } from '../../../protocol/results/heads-schema';
import { shapes, type Identity, type Shape } from '../../charts/palette';
import { headKey } from '../../ui/head-names';
import { significant } from '../../ui/numbers';

export interface LabelInfo {
  readonly id: HeadLabel;
  readonly title: string;
  readonly letter: string;
  readonly definition: string;
  readonly identity: Identity;
}

const marks: Readonly<Record<HeadLabel, readonly [letter: string, shape: Shape]>> = {
  'previous-token': ['P', 'triangle'],
  self: ['S', 'circle'],
  'first-token-sink': ['F', 'square'],
  local: ['L', 'hexagon'],
  induction: ['I', 'diamond'],
  'duplicate-token': ['D', 'plus'],
  uniform: ['U', 'cross'],
  retrieval: ['R', 'inverted'],
};

export const labelInfos: readonly LabelInfo[] = headLabels.map((id, hue) => {
  const [letter, shape] = marks[id];
  const { title, definition } = labelWords[id];
  return { id, title, letter, definition, identity: { id, title, name: title, code: letter, hue, shape, dash: [] } };
});

/** Colour and shape by their numbers, as a section names them. */
export const lookOf = (id: HeadLabel): { readonly colour: number; readonly shape: number } => {
  const { hue, shape } = labelInfo(id).identity;
  return { colour: hue, shape: Object.keys(shapes).indexOf(shape) };
};

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
