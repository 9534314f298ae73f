/**
 * Attention of single rows to blocks that the data chose, without copying a block for every row: pairs of row and block are
 * sorted by block, each block's pairs are cut into segments of equal length, and a segment is one small product.
 *
 * Letters: b batch, h heads, P pairs of a head, W positions of a block, S pairs of a segment, T segments of a head:
 * ceil(P / S) + blocks, enough however the pairs fall.
 */
import { logSumOf } from './log-sum';
import { add, divide, multiply, subtract } from './operators/elementwise';
import { expand, gather, gatherElements, reshape, scatterElements, slice } from './operators/layout';
import { fusedMatmul, matmul } from './operators/matrix';
import { cumulativeSum, softmax, topK } from './operators/reduce';
import type { Value } from './records';

export interface ChosenBlocks {
  /** The rows of one head of one sequence, [rows, d]; heads are worked on one after the other, which bounds the memory. */
  readonly rows: (batch: number, head: number) => Value;
  /** For each of the P pairs of a head the row it belongs to. */
  readonly rowOfPair: readonly number[];
  /** int64 [b, h, P]: the block of each pair. */
  readonly chosen: Value;
  /** [b, hkv, blocks, W, d] and [b, hkv, blocks, W, dv] */
  readonly keys: Value;
  readonly values: Value;
  readonly scale: number;
}

export interface ChosenAttention {
  /** Softmax-weighted values of each pair's block, [P, dv]. */
  readonly output: Value;
  /** Logarithm of the sum of the exponentials of its scores, [P, 1]. */
  readonly logSum: Value;
}

/** Pairs of a segment: shorter ones copy blocks more often, longer ones waste more of a block's last segment. */
export const segmentPairs = 64;

const segmentsOf = (pairs: number, blocks: number): number => Math.ceil(pairs / segmentPairs) + blocks;

/** Rows that the products compute for P pairs. */
export const computedPairs = (pairs: number, blocks: number): number => segmentsOf(pairs, blocks) * segmentPairs;

/** One result for each head of each sequence, in their order. */
export function attendChosenBlocks(given: ChosenBlocks): readonly ChosenAttention[] {
  const { rows, rowOfPair, chosen, keys, values, scale } = given;
  const { graph } = chosen;
  const [batch, heads] = chosen.shape as readonly [number, number];
  const [, kvHeads, blocks, width, headDim] = keys.shape as readonly [number, number, number, number, number];
  const valueDim = Number(values.shape[4]);
  const plan = segmentsOfPairs(chosen, rowOfPair.length, blocks);
  const table = graph.constant('int64', [rowOfPair.length], rowOfPair);
  return Array.from({ length: batch * heads }, (_, at) => {
    const [b, h] = [Math.floor(at / heads), at % heads];
    const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
    const own = (x: Value) => reshape(slice(slice(x, 0, b, b + 1), 1, h, h + 1), [Number(x.shape[2])]);
    const blockAt = add(own(plan.blockOfSegment), kvHead * blocks);
    const blockRows = (x: Value, w: number) =>
      reshape(gather(reshape(x, [batch * kvHeads * blocks, width * w]), blockAt), [plan.segments, width, w]);
    const queries = gather(rows(b, h), gather(table, own(plan.pairAt)));
    const scores = fusedMatmul(reshape(queries, [plan.segments, segmentPairs, headDim]), blockRows(keys, headDim), {
      transposeB: true,
      scale,
    });
    const probabilities = softmax(scores);
    const output = matmul(probabilities, blockRows(values, valueDim));
    const logSum = logSumOf(scores, probabilities);
    const ofPairs = (x: Value, w: number) =>
      gather(reshape(x, [plan.segments * segmentPairs, w]), own(plan.placeOfPair));
    return { output: ofPairs(output, valueDim), logSum: ofPairs(logSum, 1) };
  });
}

/**
 * Where each pair goes. All int64: `pairAt` [b, h, T S] the pair at each place (pair 0 at those left free), `blockOfSegment`
 * [b, h, T], `placeOfPair` [b, h, P].
 */
function segmentsOfPairs(chosen: Value, pairs: number, blocks: number) {
  const { graph } = chosen;
  const [batch, heads] = chosen.shape as readonly [number, number];
  const segments = segmentsOf(pairs, blocks);
  const whole = graph.constant('int64', [pairs], [...Array(pairs).keys()]);
  const filledWith = (length: number, number: number) =>
    expand(graph.constant('int64', [1, 1, 1], [number]), [batch, heads, length]);
  // Unique keys sort stably: block first, then the pair itself.
  const [sorted] = topK(add(multiply(chosen, pairs), whole), pairs, 2, false);
  const block = divide(sorted, pairs);
  const pair = subtract(sorted, multiply(block, pairs));
  const counts = scatterElements(filledWith(blocks, 0), chosen, filledWith(pairs, 1), 2, 'add');
  const segmentCounts = divide(add(counts, segmentPairs - 1), segmentPairs);
  const shift = subtract(
    multiply(cumulativeSum(segmentCounts, 2, { exclusive: true }), segmentPairs),
    cumulativeSum(counts, 2, { exclusive: true }),
  );
  const place = add(gatherElements(shift, block, 2), whole);
  return {
    segments,
    pairAt: scatterElements(filledWith(segments * segmentPairs, 0), place, pair, 2),
    blockOfSegment: scatterElements(filledWith(segments, 0), divide(place, segmentPairs), block, 2),
    placeOfPair: scatterElements(filledWith(pairs, 0), pair, place, 2),
  };
}
