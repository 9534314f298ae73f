/**
 * How well texts find their partners by the residual stream. The embedding of a text at depth l is the mean over its tokens of the
 * stream that has passed l layers, e = (1 / n) sum of x_l [w]; depth 0 is the stream that enters the first layer. With M pairs every
 * first text ranks all M second texts by cosine, and the other way round; right is the partner. R@1 is the share of texts whose partner is
 * first, MRR the mean of 1 / rank. Were every order equally likely they would be 1 / M and (1 + 1/2 + … + 1/M) / M. A partner that ties
 * with t others has a rank t / 2 lower than the best of them, so that equal vectors give no hit.
 *
 * Centred: from each side its mean over the M texts is taken away first. Streams of language models share a large common part, which
 * makes all cosines alike, and two kinds of texts differ by one vector; neither says which text belongs to which.
 */
import { object, number, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import { meanReciprocalRank, rankOf, recallAt } from '../../../kernels/modules/m3c/retrieval';
import { meanInterval, wilson } from '../../shared/statistics/proportion';

/** [pairs][w] */
export type Side = readonly ArrayLike<number>[];

/** Mean of the rows of [n, w] that are named. */
export function meanOfRows(data: ArrayLike<number>, width: number, rows: readonly number[]): Float32Array {
  const mean = new Float64Array(width);
  for (const row of rows) for (let i = 0; i < width; i++) mean[i]! += data[row * width + i]! / rows.length;
  return Float32Array.from(mean);
}

function directions(side: Side, centred: boolean): readonly Float64Array[] {
  const width = side[0]?.length ?? 0;
  const mean = new Float64Array(width);
  if (centred) for (const row of side) for (let i = 0; i < width; i++) mean[i]! += row[i]! / side.length;
  return side.map((row) => {
    const moved = Float64Array.from({ length: width }, (_, i) => row[i]! - mean[i]!);
    const length = Math.hypot(...moved);
    // What is left of equal vectors is rounding, not a direction.
    return length <= 1e-6 * Math.hypot(...Array.from(row)) ? moved.fill(0) : moved.map((value) => value / length);
  });
}

export interface Ranks {
  /** Rank of the partner of each first text among the second ones, from 1. */
  readonly forward: readonly number[];
  /** Rank of each second text among the first texts. */
  readonly back: readonly number[];
}

export function ranksOf(first: Side, second: Side, centred: boolean): Ranks {
  const [a, b] = [directions(first, centred), directions(second, centred)];
  const scores = a.map((x) => b.map((y) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)));
  return {
    forward: scores.map((row, i) => rankOf(row, i)),
    back: b.map((_, j) =>
      rankOf(
        scores.map((row) => row[j]!),
        j,
      ),
    ),
  };
}

export const figures = object({
  /** R@1 with Wilson's interval. */
  recall: number,
  low: number,
  high: number,
  /** MRR with Student's interval. */
  mrr: number,
  mrrLow: figure,
  mrrHigh: figure,
});
export type Figures = Output<typeof figures>;

export function figuresOf(ranks: readonly number[]): Figures {
  const recall = recallAt(1, ranks);
  const each = ranks.map((rank) => 1 / rank);
  const { low: mrrLow, high: mrrHigh } = meanInterval(each, { range: [0, 1] });
  return { recall, ...wilson(recall, ranks.length), mrr: meanReciprocalRank(ranks), mrrLow, mrrHigh };
}

export const chanceOf = (pairs: number): { readonly recall: number; readonly mrr: number } => ({
  recall: 1 / pairs,
  mrr: Array.from({ length: pairs }, (_, at) => 1 / (at + 1)).reduce((sum, value) => sum + value, 0) / pairs,
});

/**
 * Exact two-sided sign test (McNemar) of whether as many texts are found at one depth alone as at another alone: `gained` and `lost` of them.
 */
export function signTest(gained: number, lost: number): number {
  const n = gained + lost;
  let [term, tail] = [2 ** -n, 0];
  for (let k = 0; k <= Math.min(gained, lost); k++) {
    tail += term;
    term *= (n - k) / (k + 1);
  }
  return Math.min(1, 2 * tail);
}
