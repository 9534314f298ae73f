/**
 * What a head attends to from the position before the answer, as a type (the types of Lieberum et al. 2023, arXiv:2307.09458; its
 * thresholds are not published, these are choices). M[c][t]: mean attention to label t over the prompts whose right label is c, both
 * by their place in the list, [options][options]; NaN in rows of places that are never right. The first type that fits:
 *
 * - correct letter: labels have at least 0.2 of the attention, in each row the diagonal is the largest, and on average it has
 *   at least 0.6 of what the labels have;
 * - single letter: one M[t][t] is at least 0.2, and twice every other entry;
 * - one label: labels have at least 0.2, and one column at least 0.6 of that on average;
 * - uniform: labels have at least 0.2, and no label more than 1.5 times its equal share in any row;
 * - content gatherer: the options have at least half of the attention;
 * - amplification: end and last position have at least half of it, and the direct effect on the right label is positive.
 */
import { mean, sum } from '../../../kernels/tensors/vectors';

export const headTypes = [
  'correct letter',
  'single letter',
  'one label',
  'uniform',
  'content gatherer',
  'amplification',
  'other',
] as const;
export type HeadType = (typeof headTypes)[number];

export const leastOnLabels = 0.2;
export const leastShare = 0.6;
export const mostUneven = 1.5;
export const leastElsewhere = 0.5;

export interface Attends {
  /** [options][options] */
  readonly matrix: readonly (readonly number[])[];
  /** Mean attention to all options, and to end and last position. */
  readonly options: number;
  readonly end: number;
  /** Logits. */
  readonly direct: number;
}

export function typeOf({ matrix, options, end, direct }: Attends): HeadType {
  const rows = [...matrix.keys()].filter((c) => !Number.isNaN(matrix[c]?.[0]));
  const row = (c: number): readonly number[] => matrix[c] ?? [];
  const onLabels = mean(rows.map((c) => sum(row(c))));
  const shareOf = (c: number, t: number): number => (row(c)[t] ?? 0) / sum(row(c));
  const reads = onLabels >= leastOnLabels;
  const isLargest = (c: number): boolean => row(c).every((value, t) => t === c || value < (row(c)[c] ?? 0));
  if (reads && rows.every(isLargest) && mean(rows.map((c) => shareOf(c, c))) >= leastShare) return 'correct letter';
  const single = rows.some((t0) => {
    const own = row(t0)[t0] ?? 0;
    return (
      own >= leastOnLabels && rows.every((c) => row(c).every((value, t) => (c === t0 && t === t0) || own >= 2 * value))
    );
  });
  if (single) return 'single letter';
  if (reads && row(rows[0] ?? 0).some((_, t) => mean(rows.map((c) => shareOf(c, t))) >= leastShare)) return 'one label';
  if (reads && rows.every((c) => row(c).every((_, t) => shareOf(c, t) <= mostUneven / row(c).length))) return 'uniform';
  if (options >= leastElsewhere) return 'content gatherer';
  return end >= leastElsewhere && direct > 0 ? 'amplification' : 'other';
}

/**
 * With the usual letters in another order, where does a head look when the option at place n is right: at the label of that place, or
 * at the letter that usually stands there? Attention to one of them at least 0.1, and twice that to the other.
 */
export const followed = ['place', 'letter', 'neither'] as const;
export type Followed = (typeof followed)[number];
export const leastFollowed = 0.1;

export function followedBy(place: number, letter: number): Followed {
  if (place >= leastFollowed && place >= 2 * letter) return 'place';
  return letter >= leastFollowed && letter >= 2 * place ? 'letter' : 'neither';
}
