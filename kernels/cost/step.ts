import type { AttentionShape } from '../shape';
import { pairFlops } from './attention';
import type { Cost } from './cost';

/** What the heads of one kind read in a step of decoding. */
export interface StepReads {
  /** These heads alone. */
  readonly shape: AttentionShape;
  /** Keys of each list that one softmax joins (kernels/graph/attention-step.ts), for every query head. */
  readonly lists: readonly number[];
  /** Running sums of keys and values that are kept beside the lists and brought up to date. */
  readonly sums?: number;
  /** Rows of keys and values that are copied for each key/value head before they are read. */
  readonly copied?: number;
}

/**
 * One new position on a cache (letters as in attention.ts, p keys of all lists, l lists).
 * flops = b h p (2 d + 2 e + 5);
 * bytes = the lists once, 4 b hkv p (d + e), twice more what is copied; 8 passes over the scores 4 b h p (4 where there is one list:
 * they are not joined and cut); queries and parts of the output l times; the new row and the sums;
 * peak = lists, sums, query and output, and 3 rows of scores.
 */
export function stepCost(whole: AttentionShape, kinds: readonly StepReads[]): Cost {
  const { batch, headDim: d, valueDim: e } = whole;
  let [flops, bytes, peakBytes] = [0, 0, 4 * batch * whole.heads * (d + e)];
  for (const { shape, lists, sums = 0, copied = 0 } of kinds) {
    const pairs = lists.reduce((sum, keys) => sum + keys, 0);
    const rows = 4 * batch * shape.kvHeads * (d + e);
    const scores = 4 * batch * shape.heads * pairs;
    flops += pairFlops(shape, pairs);
    bytes +=
      rows * (pairs + 2 * copied + 2 + 7 * sums) +
      (lists.length > 1 ? 8 : 4) * scores +
      4 * batch * shape.heads * (lists.length * (d + e) + 3 * (lists.length - 1) * e + 2 * (d + e));
    peakBytes += rows * (pairs + copied + 2 * sums) + 3 * scores;
  }
  return { flops, bytes, peakBytes };
}
