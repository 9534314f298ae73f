/** Dense softmax attention with something added to the scores, tile of queries by tile of queries. */
import { tiledCost } from '../cost/attention';
import type { Cost } from '../cost/cost';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { foldGroup, groupQueries, unfoldGroup, type AttentionValues } from './attention-graph';
import { add } from './operators/elementwise';
import { concat, expand, reshape, slice, triangle } from './operators/layout';
import { fusedMatmul, matmul } from './operators/matrix';
import { softmax } from './operators/reduce';
import type { Value } from './records';

/** Queries of a tile: the scores of a tile stay in cache while the bias and the softmax pass over them. */
export const tileRows = 128;

/** Queries [start, end) and the keys [0, reach) that one of them reads. */
export interface Tile {
  readonly start: number;
  readonly end: number;
  readonly reach: number;
}

/** Heads-first query, key and value to [b, h, n, d]; `bias` gets scores [b, h, end - start, reach], unmasked. */
export function biasedAttention(
  { query, key, value }: Omit<AttentionValues, 'builder'>,
  shape: AttentionShape,
  bias: (scores: Value, tile: Tile) => Value,
): Value {
  const grouped = groupQueries(query, shape);
  const parts = tilesOf(shape).map((tile) => {
    const { start, end, reach } = tile;
    const scores = fusedMatmul(foldGroup(slice(grouped, 3, start, end)), slice(key, 2, 0, reach), {
      transposeB: true,
      scale: shape.headDim ** -0.5,
    });
    const biased = bias(unfoldGroup(scores, shape), tile);
    const masked = isCausalSelf(shape) && end - start > 1 ? add(biased, later(biased, end - start, reach)) : biased;
    const probabilities = softmax(reshape(masked, scores.shape));
    return unfoldGroup(matmul(probabilities, slice(value, 2, 0, reach)), shape);
  });
  return concat(parts, 2);
}

export const biasedCost = (shape: AttentionShape): Cost =>
  tiledCost(shape, { ...biasedPairs(shape), tileRows: Math.min(tileRows, shape.queries), tileKeys: shape.keys });

/** Pairs that the tiles compute for each head, and keys that are copied for them. */
export function biasedPairs(shape: AttentionShape): { readonly pairs: number; readonly copiedKeys: number } {
  const seeing = isCausalSelf(shape) ? Math.min(shape.queries, shape.keys) : shape.queries;
  let pairs = 0;
  let copiedKeys = 0;
  for (const { start, end, reach } of tilesOf({ ...shape, queries: seeing })) {
    pairs += (end - start) * reach;
    // A slice of all keys is no copy.
    copiedKeys += reach < shape.keys ? reach : 0;
  }
  return { pairs, copiedKeys };
}

/** Tiles of all queries; as many queries as keys at most where it is causal. */
export function tilesOf(shape: AttentionShape): readonly Tile[] {
  return Array.from({ length: Math.ceil(shape.queries / tileRows) }, (_, tile) => {
    const end = Math.min((tile + 1) * tileRows, shape.queries);
    return { start: tile * tileRows, end, reach: isCausalSelf(shape) ? end + queryOffset(shape) : shape.keys };
  });
}

/** [rows, reach] with -infinity for the keys after each of the last `rows` positions. */
function later(like: Value, rows: number, reach: number): Value {
  const minusInfinity = like.graph.constant(like.type, [1, 1], [-Infinity]);
  return triangle(expand(minusInfinity, [rows, reach]), 'upper', reach - rows + 1);
}
