/**
 * Attention of single rows to blocks that the data chose, without copying a block for every row: pairs of row and block are
 * sorted by block, each block's pairs are cut into segments of equal length, and a segment is one small product.
 *
 * Letters: b batch, h heads, P pairs of a head, W positions of a block, S pairs of a segment, T segments of a head:
 * ceil(P / S) + blocks, enough however the pairs fall.
 */
import { add, divide, logarithm, multiply, subtract } from './operators/elementwise';
import { gather, gatherElements, reshape, scatterElements } from './operators/layout';
import { fusedMatmul, matmul } from './operators/matrix';
import { cumulativeSum, reduceMax, softmax, topK } from './operators/reduce';
import type { Value } from './records';

export interface ChosenBlocks {
  /** [b, h, rows, d] */
  readonly rows: Value;
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
  /** Softmax-weighted values of each pair's block, [b, h, P, dv]. */
  readonly output: Value;
  /** Logarithm of the sum of the exponentials of its scores, [b, h, P, 1]. */
  readonly logSum: Value;
}

/** Pairs of a segment: shorter ones copy blocks more often, longer ones waste more of a block's last segment. */
const segmentPairs = 64;

export const segmentsOf = (pairs: number, blocks: number): number => Math.ceil(pairs / segmentPairs) + blocks;

/** Rows that the products compute for P pairs. */
export const computedPairs = (pairs: number, blocks: number): number => segmentsOf(pairs, blocks) * segmentPairs;

export function attendChosenBlocks({ rows, rowOfPair, chosen, keys, values, scale }: ChosenBlocks): ChosenAttention {
  const { graph } = rows;
  const [batch, heads, rowCount, headDim] = rows.shape as readonly [number, number, number, number];
  const [, kvHeads, blocks, width] = keys.shape as readonly [number, number, number, number];
  const valueDim = Number(values.shape[4]);
  const pairs = rowOfPair.length;
  const segments = segmentsOf(pairs, blocks);
  const places = segments * segmentPairs;
  const group = heads / kvHeads;
  const whole = (length: number) => graph.constant('int64', [length], [...Array(length).keys()]);
  const zeros = (length: number) =>
    graph.constant('int64', [batch, heads, length], new Array<number>(batch * heads * length).fill(0));
  /** [b, h, 1]: where the entries of a head begin in a table of all heads. */
  const firstOf = (length: number, of: (batch: number, head: number) => number) =>
    graph.constant(
      'int64',
      [batch, heads, 1],
      Array.from({ length: batch * heads }, (_, at) => of(Math.floor(at / heads), at % heads) * length),
    );

  // Unique keys sort stably: block first, then the pair itself.
  const [sorted] = topK(add(multiply(chosen, pairs), whole(pairs)), pairs, 2, false);
  const block = divide(sorted, pairs);
  const pair = subtract(sorted, multiply(block, pairs));
  const ones = graph.constant('int64', [batch, heads, pairs], new Array<number>(batch * heads * pairs).fill(1));
  const counts = scatterElements(zeros(blocks), chosen, ones, 2, 'add');
  const segmentCounts = divide(add(counts, segmentPairs - 1), segmentPairs);
  const shift = subtract(
    multiply(cumulativeSum(segmentCounts, 2, { exclusive: true }), segmentPairs),
    cumulativeSum(counts, 2, { exclusive: true }),
  );
  const place = add(gatherElements(shift, block, 2), whole(pairs)); // [b, h, P]
  const pairAt = scatterElements(zeros(places), place, pair, 2);
  const blockOfSegment = scatterElements(zeros(segments), divide(place, segmentPairs), block, 2);
  const placeOfPair = scatterElements(zeros(pairs), pair, place, 2);

  const rowAt = add(
    gather(graph.constant('int64', [pairs], rowOfPair), pairAt),
    firstOf(rowCount, (b, h) => b * heads + h),
  );
  const blockAt = add(
    blockOfSegment,
    firstOf(blocks, (b, h) => b * kvHeads + Math.floor(h / group)),
  );
  const all = batch * heads * segments;
  const queries = gather(reshape(rows, [batch * heads * rowCount, headDim]), rowAt);
  const blockRows = (x: Value, w: number) =>
    reshape(gather(reshape(x, [batch * kvHeads * blocks, width * w]), blockAt), [all, width, w]);
  const scores = fusedMatmul(reshape(queries, [all, segmentPairs, headDim]), blockRows(keys, headDim), {
    transposeB: true,
    scale,
  });
  const probabilities = softmax(scores);
  const output = matmul(probabilities, blockRows(values, valueDim));
  // The largest probability is 1 / denominator.
  const logSum = subtract(reduceMax(scores, [2]), logarithm(reduceMax(probabilities, [2])));
  const back = add(
    placeOfPair,
    firstOf(places, (b, h) => b * heads + h),
  );
  const ofPairs = (x: Value, w: number) => gather(reshape(x, [batch * heads * places, w]), back);
  return { output: ofPairs(output, valueDim), logSum: ofPairs(logSum, 1) };
}
