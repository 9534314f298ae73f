/** What is said of a circuit, its nodes and its edges. Pure. */
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import type { ShownEdge, ShownNode } from '../../../protocol/circuits/shown';
import { valueWords } from '../../sections/words';
import { count } from '../../ui/numbers';
import type { Drawn } from './state';

export const kindWords: Readonly<Record<ShownNode['kind'], string>> = {
  embedding: 'embedding',
  head: 'head',
  mlp: 'MLP',
  logits: 'logits',
  feature: 'feature',
  group: 'group',
};

export const counted = (number: number, one: string): string => `${count(number)} ${one}${number === 1 ? '' : 's'}`;

export const nameOf = ({ byId, frames }: Drawn, id: string): string =>
  byId.get(id)?.name ?? frames.find((frame) => frame.id === id)?.name ?? id;

export const weightWords = (edge: ShownEdge, unit: string): string =>
  `${valueWords(edge.weight, unit, true)}${edge.summed ? `, sum of ${counted(edge.count, 'edge')}` : ''}`;

const time = (iso: string): string =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d/u.test(iso) ? `${iso.slice(0, 10)} ${iso.slice(11, 16)}` : iso;

const goneWords = (gone: string): string => `Not found by the last run. Its weight is of the run of ${time(gone)}.`;

/** Title, value and what more there is to say. */
export function nodeWords(drawn: Drawn, unit: string, id: string): readonly [string, string, string] | undefined {
  const frame = drawn.frames.find((one) => one.id === id);
  if (frame) return [`open group ${frame.name}`, counted(frame.around.length, 'node'), ''];
  const node = drawn.byId.get(id);
  if (!node) return undefined;
  const into = drawn.edges.filter(({ to }) => to === id).length;
  const out = drawn.edges.filter(({ from }) => from === id).length;
  const own = node.name === node.label || node.kind === 'group' ? '' : ` (${node.label})`;
  const value = node.kind === 'group' ? counted(node.of.length, 'node') : valueWords(node.weight, unit, true);
  const only = drawn.only.get(id);
  const more = [
    node.pinned ? 'Pinned.' : '',
    node.gone === undefined ? (node.fresh ? 'New in the last run.' : '') : goneWords(node.gone),
    only === undefined
      ? ''
      : only === '+'
        ? 'Only in this circuit.'
        : `Only in ${drawn.comparison?.name ?? 'the other'}.`,
    node.note ?? '',
  ].filter((part) => part !== '');
  return [
    `${kindWords[node.kind]} ${node.name}${own}`,
    `${value}; ${counted(into, 'edge')} in, ${count(out)} out`,
    more.join(' '),
  ];
}

export function finding({ nodes, edges, groups, origin }: Circuit): string {
  const found = <T extends { readonly gone?: string }>(of: readonly T[]): number =>
    of.filter(({ gone }) => gone === undefined).length;
  const inGroups = groups.length === 0 ? '' : `, ${counted(groups.length, 'group')}`;
  return `${origin.title}: ${counted(found(nodes), 'node')} and ${counted(found(edges), 'edge')}${inGroups}`;
}

/** What the last run changed; undefined where nothing is marked. */
export function newsWords({ nodes, edges }: Circuit): string | undefined {
  const all = [...nodes, ...edges];
  const [fresh, gone] = [all.filter((one) => one.fresh).length, all.filter((one) => one.gone !== undefined).length];
  if (fresh + gone === 0) return undefined;
  return `The last run added ${count(fresh)} and did not find ${count(gone)} of the nodes and edges.`;
}

export function comparisonWords({ comparison }: Drawn): string {
  if (!comparison) return '';
  const { difference, unlike } = comparison;
  const { onlyHere, onlyThere, edges, same } = difference;
  const nodes = `${counted(onlyHere.length, 'node')} only here (+), ${count(onlyThere.length)} only there (−).`;
  return `${nodes} ${unlike ?? `${counted(edges.length, 'edge')} ${edges.length === 1 ? 'differs' : 'differ'}, ${count(same)} ${same === 1 ? 'is' : 'are'} equal. Edges are drawn by their difference.`}`;
}
