/** Attention of few rows to blocks that the data chose: each pair of row and block copies the block's keys and values. */
import { integers } from '../integers';
import type { AttentionShape } from '../shape';
import type { ChosenAttention } from './chosen-blocks';
import { logSumOf } from './log-sum';
import { add, multiply } from './operators/elementwise';
import { gather, reshape } from './operators/layout';
import { fusedMatmul, matmul } from './operators/matrix';
import { softmax } from './operators/reduce';
import type { Value } from './records';

export interface GatheredBlocks {
  /** A query for each pair, [b, h, P, d]. */
  readonly queries: Value;
  /** int64 [b, h, P]: the block of each pair. */
  readonly chosen: Value;
  /** [b, hkv, m, d] and [b, hkv, m, dv]: block c holds the positions from c `stride` on, `width` of them. */
  readonly keys: Value;
  readonly values: Value;
  readonly stride: number;
  readonly width: number;
}

/** Softmax-weighted values of each pair's block [b, h, P, dv], and the logarithm of its sum of exponentials [b, h, P, 1]. */
export function attendGatheredBlocks(given: GatheredBlocks, shape: AttentionShape): ChosenAttention {
  const { queries, chosen, keys, values, stride, width } = given;
  const { graph } = queries;
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const [pairs, length] = [Number(chosen.shape[2]), Number(keys.shape[2])];
  const numbers = (dims: readonly number[], list: readonly number[]) => graph.constant('int64', dims, list);
  // First row of each query head's keys when all are laid out one after the other.
  const firstRows = integers(0, batch * heads).map(
    (at) => Math.floor(at / heads) * kvHeads + Math.floor((at % heads) / (heads / kvHeads)),
  );
  const firsts = add(
    multiply(chosen, numbers([], [stride])),
    numbers(
      [batch, heads, 1],
      firstRows.map((row) => row * length),
    ),
  );
  const rows = add(reshape(firsts, [batch, heads, pairs, 1]), numbers([width], integers(0, width)));
  const blockRows = (x: Value, columns: number) => gather(reshape(x, [batch * kvHeads * length, columns]), rows);
  const scores = fusedMatmul(reshape(queries, [batch, heads, pairs, 1, headDim]), blockRows(keys, headDim), {
    transposeB: true,
    scale: headDim ** -0.5,
  });
  const probabilities = softmax(scores);
  const output = matmul(probabilities, blockRows(values, valueDim));
  return {
    output: reshape(output, [batch, heads, pairs, valueDim]),
    logSum: reshape(logSumOf(scores, probabilities), [batch, heads, pairs, 1]),
  };
}
