/** The local heads of the Routing Transformer: blocks that read themselves and their neighbours, tile by tile. */
import { tiledCost } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { additiveMask, foldGroup, groupQueries, unfoldGroup } from '../../graph/attention-graph';
import { add } from '../../graph/operators/elementwise';
import { concat, gatherRange, reshape } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { localReads, localStart, type RoutingParameters } from './rule';

/** Queries [start, end) read within keys [from, to). */
interface LocalTile {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Whole blocks of about 256 rows, longer blocks in pieces of 256 rows. */
function localTiles(shape: AttentionShape, parameters: RoutingParameters): readonly LocalTile[] {
  const { localBlock: block } = parameters;
  const rows = block < 256 ? block * Math.floor(256 / block) : 256;
  const offset = queryOffset(shape);
  const tiles: LocalTile[] = [];
  for (let start = 0; start < shape.queries;) {
    const position = start + offset;
    // Tiles begin where blocks do; the first one may begin inside a block, on a cache.
    const inTile = rows - (block < 256 ? position % rows : 0);
    const end = Math.min(start + inTile, shape.queries);
    const last = end - 1 + offset;
    const to = isCausalSelf(shape) ? last + 1 : Math.min(shape.keys, (Math.floor(last / block) + 2) * block);
    tiles.push({ start, end, from: localStart(position, parameters), to });
    start = end;
  }
  return tiles;
}

/** Heads-first output of local attention of all heads of `shape`, queries <= keys. */
export function localAttention(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  parameters: RoutingParameters,
): Value {
  const { batch, kvHeads, headDim } = shape;
  const group = shape.heads / kvHeads;
  const grouped = groupQueries(query, shape);
  const reads = localReads(shape, parameters);
  const masks = new Map<string, Value>();
  const parts = localTiles(shape, parameters).map(({ start, end, from, to }) => {
    const [rows, columns] = [end - start, to - from];
    const tile = foldGroup(gatherRange(grouped, 3, start, end)); // [b, hkv, g rows, d]
    const scores = fusedMatmul(tile, gatherRange(key, 2, from, to), { transposeB: true, scale: headDim ** -0.5 });
    // Tiles that stand alike to their keys and blocks share a mask.
    const place = (start + queryOffset(shape)) % parameters.localBlock;
    const name = [place, start + queryOffset(shape) - from, rows, columns].join(' ');
    const mask = masks.get(name) ?? additiveMask(scores, rows, columns, (i, j) => reads(start + i, from + j));
    masks.set(name, mask);
    const masked = add(reshape(scores, [batch, kvHeads, group, rows, columns]), mask);
    const probabilities = softmax(reshape(masked, scores.shape));
    return unfoldGroup(matmul(probabilities, gatherRange(value, 2, from, to)), shape);
  });
  return concat(parts, 2);
}

/** As cost/attention.ts counts tiles. */
export function localCost(shape: AttentionShape, parameters: RoutingParameters): Cost {
  const tiles = localTiles(shape, parameters);
  return tiledCost(shape, {
    pairs: tiles.reduce((sum, { start, end, from, to }) => sum + (end - start) * (to - from), 0),
    tileRows: Math.max(...tiles.map(({ start, end }) => end - start)),
    tileKeys: Math.max(...tiles.map(({ from, to }) => to - from)),
    copiedKeys: tiles.reduce((sum, { from, to }) => sum + to - from, 0),
  });
}
