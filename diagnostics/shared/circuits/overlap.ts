/**
 * What two circuits A and B of one model have in common. The paper gives "about 78 %" without saying of what (Merullo et al. 2023,
 * arXiv:2310.08744): here |A and B| over |A or B|, over |A| and over |B|.
 *
 * Two baselines of sets drawn at random say what that is worth, both exactly (hypergeometric):
 * - any heads: a of M and b of M share a b / M on average;
 * - the same layers: in each layer as many heads as each circuit has there, since circuits tend to have their stages in the same
 *   layers anyway.
 */
import { object, figure, oneOf, whole, optional } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import { nodeId, type Circuit } from './circuit';

const baselineSchema = object({
  /** Shared on average. */
  mean: figure,
  /** Probability of sharing at least as many as were found. */
  chance: figure,
});
export type Baseline = Output<typeof baselineSchema>;

export const overlap = object({
  what: oneOf(['heads', 'mlps', 'edges']),
  first: whole,
  second: whole,
  shared: whole,
  /** `shared` as a share of the parts in either circuit, in the first, and in the second; NaN where there are none. */
  ofEither: figure,
  ofFirst: figure,
  ofSecond: figure,
  /** Absent for edges: how many of them there could be is not known. */
  anyHeads: optional(baselineSchema),
  sameLayers: optional(baselineSchema),
});
export type Overlap = Output<typeof overlap>;

export function overlapOf(first: Circuit, second: Circuit): readonly Overlap[] {
  const heads = ({ nodes }: Circuit) => nodes.filter(({ head }) => head !== undefined);
  const mlps = ({ nodes }: Circuit) => nodes.filter(({ head }) => head === undefined);
  const edge = ({ from, to, input }: Circuit['edges'][number]): string => `${from} ${to} ${input}`;
  const shared = counts(heads(first).map(nodeId), heads(second).map(nodeId));
  const total = first.heads.reduce((sum, count) => sum + count, 0);
  const layers = first.heads.map((count, layer) => {
    const of = (circuit: Circuit): number => heads(circuit).filter((node) => node.layer === layer).length;
    return hypergeometric(count, of(first), of(second));
  });
  const mlpCounts = counts(mlps(first).map(nodeId), mlps(second).map(nodeId));
  return [
    {
      what: 'heads',
      ...shared,
      anyHeads: baseline(hypergeometric(total, shared.first, shared.second), shared.shared),
      sameLayers: baseline(layers.reduce(sumOf, [1]), shared.shared),
    },
    ...(mlpCounts.first + mlpCounts.second > 0
      ? [
          {
            what: 'mlps' as const,
            ...mlpCounts,
            anyHeads: baseline(hypergeometric(first.heads.length, mlpCounts.first, mlpCounts.second), mlpCounts.shared),
          },
        ]
      : []),
    ...(first.edges.length + second.edges.length > 0
      ? [{ what: 'edges' as const, ...counts(first.edges.map(edge), second.edges.map(edge)) }]
      : []),
  ];
}

type Counts = Pick<Overlap, 'first' | 'second' | 'shared' | 'ofEither' | 'ofFirst' | 'ofSecond'>;

function counts(first: readonly string[], second: readonly string[]): Counts {
  const other = new Set(second);
  const shared = first.filter((name) => other.has(name)).length;
  return {
    first: first.length,
    second: second.length,
    shared,
    ofEither: shared / (first.length + second.length - shared),
    ofFirst: shared / first.length,
    ofSecond: shared / second.length,
  };
}

/** Probability of each number shared by sets of a and of b drawn from M, from 0 on. */
export function hypergeometric(M: number, a: number, b: number): readonly number[] {
  const least = Math.max(0, a + b - M);
  const most = Math.min(a, b);
  // By ratios from the least on, normalised: no factorial is large.
  const weights = new Array<number>(most + 1).fill(0);
  weights[least] = 1;
  for (let k = least; k < most; k++) {
    weights[k + 1] = ((weights[k] ?? 0) * (a - k) * (b - k)) / ((k + 1) * (M - a - b + k + 1));
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Distribution of the sum of two independent numbers. */
function sumOf(one: readonly number[], other: readonly number[]): readonly number[] {
  const sum = new Array<number>(one.length + other.length - 1).fill(0);
  one.forEach((p, i) => other.forEach((q, j) => (sum[i + j] = (sum[i + j] ?? 0) + p * q)));
  return sum;
}

const baseline = (distribution: readonly number[], shared: number): Baseline => ({
  mean: distribution.reduce((total, p, count) => total + p * count, 0),
  chance: Math.min(
    1,
    distribution.slice(shared).reduce((total, p) => total + p, 0),
  ),
});
