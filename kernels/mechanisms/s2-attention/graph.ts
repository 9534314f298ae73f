/**
 * The graphs of S2-Attention: a query tile reads its local blocks under one mask that all tiles share, and the columns of its
 * head without any. The two are merged as in `tiled`: the local part becomes one more key whose score is the logarithm of its
 * softmax's denominator. Columns are copied block by block, a list of blocks for each head; that key fills a block of
 * its own (B times the same, each with the B-th part of the weight), and a head with fewer columns than others in the tile
 * reads a block that weighs nothing.
 */
import { additiveMask, foldGroup, groupQueries, unfoldGroup } from '../../graph/attention-graph';
import { logSumOf } from '../../graph/log-sum';
import { add, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, expand, gather, gatherRange, pad, reshape, slice } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { queryOffset, type AttentionShape } from '../../shape';
import {
  columnsBefore,
  countBlocksBothWays,
  countColumnsBefore,
  isColumn,
  readsBlockBothWays,
  type BlockPattern,
} from './pattern';

export interface BlockedPattern extends BlockPattern {
  /** Positions of a block. */
  readonly block: number;
  /** Heads whose columns are those of head 0. */
  readonly homogeneous: boolean;
}

/** Rows of a tile: as many whole blocks of queries as go into 64. */
export const blocksOfTile = ({ block }: BlockedPattern): number => Math.max(1, Math.floor(64 / block));

export const patternHead = (pattern: BlockedPattern, kvHead: number): number => (pattern.homogeneous ? 0 : kvHead);

export interface CausalTile {
  /** Queries [start, end), of the blocks from `firstBlock` on. */
  readonly start: number;
  readonly end: number;
  readonly firstBlock: number;
  /** Local keys [from, to). */
  readonly from: number;
  readonly to: number;
  /** Blocks before the local ones: columns are looked for among them. */
  readonly before: number;
}

/** Queries <= keys. */
export function causalTiles(shape: AttentionShape, pattern: BlockedPattern): readonly CausalTile[] {
  const { block, localBlocks } = pattern;
  const offset = queryOffset(shape);
  const rows = block * blocksOfTile(pattern);
  const tiles: CausalTile[] = [];
  for (let first = Math.floor(offset / rows) * rows; first < shape.keys; first += rows) {
    const firstBlock = first / block;
    const before = Math.max(0, firstBlock - localBlocks + 1);
    const end = Math.min(first + rows, shape.keys);
    tiles.push({
      start: Math.max(first, offset) - offset,
      end: end - offset,
      firstBlock,
      from: before * block,
      to: end,
      before,
    });
  }
  return tiles;
}

/** The most columns that a head has before the local blocks of a tile. */
export const mostColumns = (pattern: BlockedPattern, kvHeads: number, before: number): number =>
  Math.max(
    ...Array.from({ length: kvHeads }, (_, head) => countColumnsBefore(pattern, patternHead(pattern, head), before)),
  );

/** Heads-first output of causal self-attention; all heads are sparse. */
export function causalBlocks(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  pattern: BlockedPattern,
  /** The head of the pattern for each key/value head of the shape. */
  heads: readonly number[],
): Value {
  const { block } = pattern;
  const scale = shape.headDim ** -0.5;
  const offset = queryOffset(shape);
  const grouped = groupQueries(query, shape);
  const masks = new Map<string, Value>();
  const tiles = causalTiles(shape, pattern);
  const wholeBlocks = Math.max(0, ...tiles.map(({ before }) => before));
  const columns = wholeBlocks > 0 ? columnBlocks(key, value, shape, block, wholeBlocks) : undefined;
  const parts = tiles.map((tile) => {
    const rows = tile.end - tile.start;
    const queries = foldGroup(gatherRange(grouped, 3, tile.start, tile.end));
    const scores = fusedMatmul(queries, gatherRange(key, 2, tile.from, tile.to), { transposeB: true, scale });
    const masked = addMask(scores, tile);
    const probabilities = softmax(masked);
    const inside = matmul(probabilities, gatherRange(value, 2, tile.from, tile.to));
    const lists = heads.map((head) => columnsBefore(pattern, head, tile.before));
    const most = Math.max(...lists.map((list) => list.length));
    if (!columns || most === 0) return unfoldGroup(inside, shape);
    const logDenominator = logSumOf(masked, probabilities);
    const one = expand(key.graph.constant(key.type, [1, 1, 1, 1], [1]), [...queries.shape.slice(0, 3), 1] as number[]);
    const wide = concat([queries, subtract(logDenominator, Math.log(block)), one], 3);
    const { keys, values } = columns(lists, most);
    const all = softmax(fusedMatmul(wide, keys, { transposeB: true, scale }));
    return unfoldGroup(add(matmul(all, values), multiply(multiply(slice(all, 3, 0, 1), block), inside)), shape);

    function addMask(x: Value, { firstBlock, from, to, start }: CausalTile): Value {
      const shared = blocksOfTile(pattern) === 1;
      // Where a tile holds several blocks, a key may be local to one of them and a column of the head to the next.
      const place = tile.before === 0 ? firstBlock : `every ${firstBlock % pattern.verticalStride}`;
      const name = `${rows} ${to - from} ${start + offset - firstBlock * block} ${shared && tile.before > 0 ? '' : place}`;
      const reads = (head: number) => (i: number, j: number) => {
        const [position, at] = [start + offset + i, from + j];
        if (at > position) return false;
        const [own, other] = [Math.floor(position / block), Math.floor(at / block)];
        return own - other < pattern.localBlocks || isColumn(pattern, head, other);
      };
      const mask = masks.get(name) ?? maskOfHeads(x, rows, to - from, shared ? [reads(0)] : heads.map(reads));
      masks.set(name, mask);
      const apart = reshape(x, [shape.batch, shape.kvHeads, shape.heads / shape.kvHeads, rows, to - from]);
      return reshape(add(apart, mask), x.shape);
    }
  });
  return concat(parts, 2);
}

/** [1 or hkv, 1, rows, columns]: one mask for all heads or one for each. */
function maskOfHeads(
  like: Value,
  rows: number,
  columns: number,
  reads: readonly ((row: number, column: number) => boolean)[],
): Value {
  const stacked = additiveMask(like, rows * reads.length, columns, (row, column) =>
    reads[Math.floor(row / rows)]!(row % rows, column),
  );
  return reshape(stacked, [reads.length, 1, rows, columns]);
}

/**
 * The first `count` blocks of every head with two more columns in the keys, after a block for the local part (score: the last
 * but one column of the query) and a block of nothing. Gives keys and values of chosen blocks, [b, hkv, (1 + most) B, width].
 */
function columnBlocks(key: Value, value: Value, shape: AttentionShape, block: number, count: number) {
  const { batch, kvHeads, headDim, valueDim } = shape;
  const { graph } = key;
  const nothing = key.type === 'float16' ? -6e4 : -1e9;
  const row = (last: readonly number[]) => [...new Array<number>(headDim).fill(0), ...last];
  const special = Array.from({ length: 2 * block }, (_, i) =>
    i < block ? row([headDim ** 0.5, 0]) : row([0, nothing]),
  ).flat();
  const width = headDim + 2;
  const specials = expand(graph.constant(key.type, [1, 1, 2 * block, width], special), [
    batch,
    kvHeads,
    2 * block,
    width,
  ]);
  const blocked = (x: Value, w: number) => reshape(x, [batch, kvHeads * (count + 2), block * w]);
  const keys = blocked(concat([specials, pad(gatherRange(key, 2, 0, count * block), 3, 0, 2)], 2), width);
  const values = blocked(pad(gatherRange(value, 2, 0, count * block), 2, 2 * block, 0), valueDim);
  return (lists: readonly (readonly number[])[], most: number) => {
    const indices = lists.flatMap((list, head) => {
      const filled = [0, ...list.map((column) => column + 2), ...new Array<number>(most - list.length).fill(1)];
      return filled.map((at) => head * (count + 2) + at);
    });
    const index = graph.constant('int64', [kvHeads, most + 1], indices);
    const take = (x: Value, w: number) => reshape(gather(x, index, 1), [batch, kvHeads, (most + 1) * block, w]);
    return { keys: take(keys, width), values: take(values, valueDim) };
  };
}

interface OpenTile {
  readonly start: number;
  readonly end: number;
  readonly block: number;
}

/** Tiles of one block of queries, in both directions. */
function openTiles(shape: AttentionShape, { block }: BlockedPattern): readonly OpenTile[] {
  const offset = queryOffset(shape);
  const tiles: OpenTile[] = [];
  for (let own = Math.floor(offset / block); own * block < shape.keys; own++) {
    const start = Math.max(own * block, offset) - offset;
    tiles.push({ start, end: Math.min((own + 1) * block, shape.keys) - offset, block: own });
  }
  return tiles;
}

/** Rows and keys of every tile, the last block of keys counted as a whole one. */
export function openTileSizes(
  shape: AttentionShape,
  pattern: BlockedPattern,
): readonly { readonly rows: number; readonly keys: number }[] {
  const blocks = Math.ceil(shape.keys / pattern.block);
  return openTiles(shape, pattern).map(({ start, end, block }) => ({
    rows: end - start,
    keys: Math.min(shape.keys, countBlocksBothWays(pattern, block, blocks) * pattern.block),
  }));
}

function keysBothWays(shape: AttentionShape, pattern: BlockedPattern, own: number): readonly number[] {
  const keys: number[] = [];
  for (let key = 0; key < shape.keys; key++) {
    if (readsBlockBothWays(pattern, own, Math.floor(key / pattern.block))) keys.push(key);
  }
  return keys;
}

/** Heads-first output of non-causal self-attention. */
export function openBlocks(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  pattern: BlockedPattern,
): Value {
  const grouped = groupQueries(query, shape);
  const parts = openTiles(shape, pattern).map(({ start, end, block }) => {
    const keys = keysBothWays(shape, pattern, block);
    const index = key.graph.constant('int64', [keys.length], keys);
    const queries = foldGroup(gatherRange(grouped, 3, start, end));
    const scores = fusedMatmul(queries, gather(key, index, 2), { transposeB: true, scale: shape.headDim ** -0.5 });
    return unfoldGroup(matmul(softmax(scores), gather(value, index, 2)), shape);
  });
  return concat(parts, 2);
}
