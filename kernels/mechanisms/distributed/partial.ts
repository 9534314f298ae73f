/** The graph of attention over a part of the keys: output and log-sum of each row, joined to what earlier parts gave. */
import { additiveMask, foldGroup, unfoldGroup } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import type { Graph } from '../../graph/graph';
import { logSumOf } from '../../graph/log-sum';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, filled, gatherRange, reshape, slice } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { isCausalSelf, queryOffset, type AttentionShape, type Precision } from '../../shape';
import { lengthOf, type Range } from './partition';

export interface Blocks {
  /** Queries whose scores are in memory at a time, for each head. */
  readonly rows: number;
  /** Keys of one partial softmax. */
  readonly block: number;
}

/** [b, h, rows, dv] and the logarithm of the sum of the exponentials of the scores, [b, h, rows, 1]. */
export interface Partial {
  readonly output: Value;
  readonly logSum: Value;
}

/** A block of keys that a tile of queries reads: positions [start, end), at `at` in the tensor; masked when it holds the diagonal. */
interface KeyBlock extends Range {
  readonly at: number;
}

/** Queries [start, end) at `at` in the tensor, and the blocks that they read. */
export interface Tile extends Range {
  readonly at: number;
  readonly reads: readonly (KeyBlock & { readonly masked: boolean })[];
}

/**
 * Cuts rows into tiles and keys into blocks. In causal-self a tile also ends where a block of keys begins, so that each of
 * its queries reads a block's first key or none of it: no row of a computed block is masked whole.
 */
export function tilesOf(
  shape: AttentionShape,
  rows: readonly Range[],
  keys: readonly Range[],
  { rows: most, block }: Blocks,
): readonly Tile[] {
  const blocks = pieces(keys, () => block);
  const causal = isCausalSelf(shape);
  const offset = causal ? queryOffset(shape) : 0;
  return tileRanges(shape, rows, keys, { rows: most, block }).map((tile) => ({
    ...tile,
    reads: blocks
      .filter(({ start }) => !causal || start <= tile.start + offset)
      .map((each) => {
        const last = tile.end + offset;
        const masked = causal && each.end > tile.start + offset + 1;
        return { ...each, end: masked ? Math.min(each.end, last) : each.end, masked };
      }),
  }));
}

function tileRanges(
  shape: AttentionShape,
  rows: readonly Range[],
  keys: readonly Range[],
  { rows: most, block }: Blocks,
): readonly KeyBlock[] {
  if (!isCausalSelf(shape)) return pieces(rows, () => most);
  const offset = queryOffset(shape);
  /** Queries from `from` to the one whose own key begins the next block. */
  const toNextBlock = (from: number, { start, end }: Range): number => {
    const position = from + offset;
    if (position < start) return start - position;
    const next = start + (Math.floor((position - start) / block) + 1) * block;
    return next < end ? next - position : Infinity;
  };
  return pieces(rows, (from) => Math.min(most, ...keys.map((range) => toNextBlock(from, range))));
}

/**
 * What one head computes in a step, counted without listing every block: pairs of query and key, rows times the parts that
 * are joined, and the largest tile of scores.
 */
export function workIn(
  shape: AttentionShape,
  rows: readonly Range[],
  keys: readonly Range[],
  blocks: Blocks,
): { readonly pairs: number; readonly parts: number; readonly largest: number } {
  const causal = isCausalSelf(shape);
  const offset = causal ? queryOffset(shape) : 0;
  let [pairs, parts, largest] = [0, 0, 0];
  for (const tile of tileRanges(shape, rows, keys, blocks)) {
    const length = tile.end - tile.start;
    for (const { start, end } of keys) {
      const read = Math.max(0, (causal ? Math.min(end, tile.end + offset) : end) - start);
      pairs += length * read;
      parts += length * Math.ceil(read / blocks.block);
      largest = Math.max(largest, length * Math.min(read, blocks.block));
    }
  }
  return { pairs, parts, largest };
}

/** Ranges cut into pieces of `size(start)` positions at most, with their place in the tensor that holds the ranges in a row. */
function pieces(ranges: readonly Range[], size: (start: number) => number): readonly KeyBlock[] {
  const cut: KeyBlock[] = [];
  let before = 0;
  for (const { start, end } of ranges) {
    for (let from = start; from < end;) {
      const to = Math.min(end, from + size(from));
      cut.push({ start: from, end: to, at: before + from - start });
      from = to;
    }
    before += end - start;
  }
  return cut;
}

/**
 * Attention of the queries [b, h, rows, d] to keys and values [b, hkv, part, .] which stand at the positions `keys`. `carried`
 * is what earlier parts gave; `last`: no further part follows, so that no log-sum is needed.
 *
 * onnxruntime's Softmax does not give its denominator, but its largest output is 1 / denominator, which with the largest score
 * is the log-sum. A softmax over the log-sums weighs the parts.
 */
export function partialInTiles(
  tensors: { readonly query: Value; readonly key: Value; readonly value: Value },
  shape: AttentionShape,
  places: { readonly rows: readonly Range[]; readonly keys: readonly Range[] },
  blocks: Blocks,
  carried?: Partial,
  last = false,
): Partial {
  const { query, key, value } = tensors;
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const scale = headDim ** -0.5;
  const grouped = (x: Value) => reshape(x, [batch, kvHeads, group, Number(x.shape[2]), Number(x.shape[3])]);
  const queries = grouped(query);
  const before = carried && { output: grouped(carried.output), logSum: grouped(carried.logSum) };

  const masks = new Map<string, Value>();
  const maskOf = (scores: Value, tile: Tile, block: KeyBlock): Value => {
    const length = tile.end - tile.start;
    const ahead = tile.start + queryOffset(shape) - block.start;
    const name = `${length} ${ahead} ${block.end - block.start}`;
    const mask = masks.get(name) ?? additiveMask(scores, length, block.end - block.start, (i, j) => j <= ahead + i);
    masks.set(name, mask);
    return mask;
  };

  const tiles = tilesOf(shape, places.rows, places.keys, blocks).map((tile) => {
    const length = tile.end - tile.start;
    const cut = (x: Value) => foldGroup(slice(x, 3, tile.at, tile.at + length)); // [b, hkv, g * length, .]
    const parts = tile.reads.map((block) => {
      const width = block.end - block.start;
      const own = (x: Value) => gatherRange(x, 2, block.at, block.at + width);
      const plain = fusedMatmul(cut(queries), own(key), { transposeB: true, scale });
      const scores = block.masked
        ? reshape(add(reshape(plain, [batch, kvHeads, group, length, width]), maskOf(plain, tile, block)), plain.shape)
        : plain;
      const probabilities = softmax(scores);
      return { output: matmul(probabilities, own(value)), logSum: () => logSumOf(scores, probabilities) };
    });
    if (before) {
      const logSum = cut(before.logSum);
      parts.unshift({ output: cut(before.output), logSum: () => logSum });
    }
    return joined(parts, last, () => ({
      output: filled(query, [batch, kvHeads, group * length, valueDim], 0),
      logSum: filled(query, [batch, kvHeads, group * length, 1], -Infinity),
    }));
  });
  const whole = (each: readonly Value[]) =>
    concat(
      each.map((tile) => unfoldGroup(tile, shape)),
      2,
    );
  return {
    output: whole(tiles.map(({ output }) => output)),
    logSum: last ? query : whole(tiles.map(({ logSum }) => logSum)),
  };
}

interface LazyPartial {
  readonly output: Value;
  readonly logSum: () => Value;
}

function joined(parts: readonly LazyPartial[], last: boolean, nothing: () => Partial): Partial {
  const [first, ...more] = parts;
  if (!first) return nothing();
  if (more.length === 0) return { output: first.output, logSum: last ? first.output : first.logSum() };
  const logSums = concat(
    parts.map(({ logSum }) => logSum()),
    3,
  );
  const weights = softmax(logSums);
  const output = parts
    .map((part, index) => multiply(slice(weights, 3, index, index + 1), part.output))
    .reduce((sum, part) => add(sum, part));
  return { output, logSum: last ? output : logSumOf(logSums, weights) };
}

/**
 * What one worker runs in one step: inputs `query`, `key`, `value` and, with `carried`, `carried.output` and
 * `carried.logSum`; outputs `output` and, unless it is the last step, `logSum`.
 */
export function stepGraph(
  shape: AttentionShape,
  places: { readonly rows: readonly Range[]; readonly keys: readonly Range[] },
  blocks: Blocks,
  precision: Precision,
  { carried, last }: { readonly carried: boolean; readonly last: boolean },
): Graph {
  const builder = new GraphBuilder('distributed-step');
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const input = (name: string, count: number, length: number, width: number) =>
    builder.input(name, precision, [batch, count, length, width]);
  const rows = lengthOf(places.rows);
  const tensors = {
    query: input('query', heads, rows, headDim),
    key: input('key', kvHeads, lengthOf(places.keys), headDim),
    value: input('value', kvHeads, lengthOf(places.keys), valueDim),
  };
  const before = carried
    ? { output: input('carried.output', heads, rows, valueDim), logSum: input('carried.logSum', heads, rows, 1) }
    : undefined;
  const { output, logSum } = partialInTiles(tensors, shape, places, blocks, before, last);
  builder.output(output, 'output');
  if (!last) builder.output(logSum, 'logSum');
  return builder.finish();
}
