/**
 * Costs of the attention kernels as functions of the shape, for float32 (4 bytes a number).
 *
 * Letters: b batch, h query heads, g = h / hkv heads of a group, n queries, m keys, d width of queries and keys, e width of
 * values, w window, c chunk.
 */
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import type { Cost } from './cost';

const bytesOfNumber = 4;

/** Operations on one score beside its products: scale or mask, maximum, subtraction, exponential, sum or division. */
const softmaxFlops = 5;

/** Bytes of query, key, value and output: 4 (b h n (d + e) + b hkv m (d + e)). */
export const tensorBytes = (shape: AttentionShape): number =>
  bytesOfNumber *
  shape.batch *
  (shape.headDim + shape.valueDim) *
  (shape.heads * shape.queries + shape.kvHeads * shape.keys);

/**
 * Pairs of query and key that the pattern lets a head read: n m, or in causal-self the sum over the queries of
 * min(m, max(0, i + 1 + m - n)).
 */
export function readablePairs(shape: AttentionShape): number {
  const { queries, keys } = shape;
  if (!isCausalSelf(shape)) return queries * keys;
  const first = Math.max(1, queryOffset(shape) + 1);
  const seeing = Math.min(queries, keys);
  return ((first + keys) * seeing) / 2;
}

/** Flops of `pairs` scores of one head for all heads: b h pairs (2 d + 2 e + 5). */
export const pairFlops = (shape: AttentionShape, pairs: number): number =>
  shape.batch * shape.heads * pairs * (2 * shape.headDim + 2 * shape.valueDim + softmaxFlops);

/**
 * What one token of a decoder adds to the KV cache, in bytes, for one layer: hkv (d + e) bytes-per-number.
 */
export const kvBytesPerToken = (
  shape: Pick<AttentionShape, 'kvHeads' | 'headDim' | 'valueDim'>,
  bytesPerNumber: number,
): number => shape.kvHeads * (shape.headDim + shape.valueDim) * bytesPerNumber;

/**
 * Plain attention, every score computed, also the masked ones.
 * flops = b h n m (2 d + 2 e + 5);
 * bytes = inputs and output + 4 b h n m (written by Q K^T, read and written by the softmax, read by P V: 4 passes; the mask
 * of causal-self reads and writes them once more: 6);
 * peak = inputs and output + 2 matrices of scores: 8 b h n m.
 */
export function denseCost(shape: AttentionShape): Cost {
  const scores = shape.batch * shape.heads * shape.queries * shape.keys * bytesOfNumber;
  const passes = isCausalSelf(shape) ? 6 : 4;
  return {
    flops: pairFlops(shape, shape.queries * shape.keys),
    bytes: tensorBytes(shape) + passes * scores,
    peakBytes: tensorBytes(shape) + 2 * scores,
  };
}

/**
 * A kernel that works through tiles of `tileRows` queries of `tileHeads` query heads (all, when left out) and their keys,
 * the longest row of a tile being `tileKeys`.
 * flops = b h pairs (2 d + 2 e + 5), `pairs` counting what the tiles compute;
 * bytes = keys and values copied for the tiles (read, written, read by the product: 12 b hkv copied (d + e)) + 6 passes over the
 * scores (product, mask, softmax, product: 24 b h pairs) + queries and output three times (cut and joined by tiles);
 * peak = inputs and output twice (parts of the output wait to be joined) + 2 tiles: 8 b tileHeads tileRows tileKeys
 * + `workBytes` held beside them.
 */
export function tiledCost(
  shape: AttentionShape,
  tiles: {
    readonly pairs: number;
    readonly tileHeads?: number;
    readonly tileRows: number;
    readonly tileKeys: number;
    readonly copiedKeys: number;
    readonly workBytes?: number;
  },
): Cost {
  const perHead = shape.batch * shape.heads * bytesOfNumber;
  const width = shape.headDim + shape.valueDim;
  const copied = shape.batch * shape.kvHeads * tiles.copiedKeys * width * bytesOfNumber;
  const outputBytes = perHead * shape.queries * shape.valueDim;
  const tileBytes = shape.batch * (tiles.tileHeads ?? shape.heads) * tiles.tileRows * tiles.tileKeys * bytesOfNumber;
  return {
    flops: pairFlops(shape, tiles.pairs),
    bytes: 3 * copied + 6 * perHead * tiles.pairs + 3 * perHead * shape.queries * width,
    peakBytes: tensorBytes(shape) + outputBytes + 2 * tileBytes + (tiles.workBytes ?? 0),
  };
}
