/** The graph of LongHeads; every step in the order of the reference. */
import { foldGroup, groupQueries, additiveMask, unfoldGroup } from '../../graph/attention-graph';
import { logSumOf } from '../../graph/log-sum';
import { attendChosenBlocks } from '../../graph/chosen-blocks';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, expand, gatherRange, reshape, slice, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceMean, reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { rotateByTables, rotationTables } from '../../graph/rotary-rows';
import { integers } from '../../integers';
import { queryOffset, type AttentionShape } from '../../shape';
import { causalInTiles, exactTiles } from '../tiled';
import { ordinaryBelow, type LongHeadsRule } from './reference';

/** Positions of the rows of x [..., L, d]: L of them for all the axes before, or one for each row. */
type Rotation = (x: Value, positions: readonly number[]) => Value;

/** Rotation of [..., positions, d] at the given positions, all below `length`; the runtime's operator makes one pass of it. */
function rotationOf(like: Value, width: number, length: number, base: number): Rotation {
  if (base === 0) return (x) => x;
  const tables = rotationTables(like, width, integers(0, length), base);
  return (x, positions) => rotateByTables(x, positions, tables);
}

/**
 * Heads-first output [b, h, n, dv]; n queries at the last n positions of m keys, n = m where chunks are chosen.
 *
 * Against the fused operator (chunks of 64, budget and begin 512, 8192 positions, 8 heads of 64, 2 threads, onnxruntime 1.30,
 * 2026-11): 1.8 times as fast, where its density of 0.13 and the target of 0.4 / density ask for 3.1. Of 310 ms, 77 are
 * products of 46,080 pairs a head with 64 keys each (13 MB in and out: bound by memory), 65 copies of rows and chunks, 40 the
 * choice and the sorts, 14 rotations, which every pair of row and chunk needs again.
 */
export function longHeads(query: Value, key: Value, value: Value, shape: AttentionShape, rule: LongHeadsRule): Value {
  const { batch, heads, kvHeads, headDim, keys } = shape;
  const offset = queryOffset(shape);
  const ordinary = Math.min(keys, ordinaryBelow(rule));
  const rotate = rotationOf(query, headDim, Math.max(keys, rule.chunks * rule.chunk), rule.rotaryBase);
  const placed = {
    query: rotate(query, integers(offset, keys)),
    key: rotate(key, integers(0, keys)),
    value,
  };
  const parts: Value[] = [];
  if (offset < ordinary) {
    const own = { ...shape, queries: ordinary - offset, keys: ordinary };
    parts.push(
      causalInTiles(
        gatherRange(placed.query, 2, 0, own.queries),
        gatherRange(placed.key, 2, 0, ordinary),
        gatherRange(value, 2, 0, ordinary),
        own,
        exactTiles,
      ),
    );
  }
  if (ordinary === keys) return concat(parts, 2);

  const { chunk: w } = rule;
  const complete = Math.floor(keys / w);
  const chunked = (x: Value, count: number, width: number) =>
    reshape(gatherRange(x, 2, 0, complete * w), [batch, count, complete, w, width]);
  const localQueries = rotate(chunked(query, heads, headDim), integers(0, w));
  const localKeys = rotate(chunked(key, kvHeads, headDim), integers(0, w));
  const values = chunked(value, kvHeads, headDim);
  const summaries = chunkKeys(localQueries, localKeys, values, shape); // [b, h, chunks, d]

  const choice = chooseChunks(query, summaries, shape, rule, ordinary);
  const near = nearby(placed, shape, rule, ordinary);
  const far = rule.chunks - 2;
  const rows = keys - ordinary;
  // Row i stands at (K - 1) w + i mod w, key j of the chunk in place r at r w + j: keys keep j, and the row moves by r w.
  const places = integers(ordinary, keys).flatMap((i) =>
    integers(0, far).map((r) => (rule.chunks - 1 - r) * w + (i % w)),
  );
  const opened = attendChosenBlocks({
    rows: (b, h) => {
      const own = slice(slice(gatherRange(query, 2, ordinary, keys), 0, b, b + 1), 1, h, h + 1);
      const spread = expand(reshape(own, [rows, 1, headDim]), [rows, far, headDim]);
      return reshape(rotate(spread, places), [rows * far, headDim]);
    },
    rowOfPair: integers(0, rows * far),
    chosen: choice.chunks,
    keys: localKeys,
    values,
    scale: headDim ** -0.5,
  });
  const merged = opened.map(({ output, logSum }, at) => {
    const [b, h] = [Math.floor(at / heads), at % heads];
    const own = (x: Value) => reshape(slice(slice(x, 0, b, b + 1), 1, h, h + 1), [rows, 1, Number(x.shape[3])]);
    const weights = softmax(concat([own(near.logSum), reshape(logSum, [rows, far, 1])], 1), 1);
    const opened = multiply(slice(weights, 1, 1), reshape(output, [rows, far, headDim]));
    const closest = multiply(slice(weights, 1, 0, 1), own(near.output));
    return add(reduceSum(opened, [1], false), reshape(closest, [rows, headDim])); // [rows, dv]
  });
  const chosen = reshape(concat(merged, 0), [batch, heads, rows, headDim]);
  // Sorting knows no NaN: one among the scores reaches the row by way of their sum.
  parts.push(add(chosen, choice.spoiled));
  return concat(parts, 2);
}

/** Summaries of the complete chunks, one for each query head. */
export function chunkKeys(queries: Value, keys: Value, values: Value, shape: AttentionShape): Value {
  const { batch, heads, kvHeads, headDim } = shape;
  const [, , count, w] = keys.shape as readonly [number, number, number, number];
  const group = heads / kvHeads;
  const scale = headDim ** -0.5;
  const grouped = reshape(queries, [batch, kvHeads, group, count, w, headDim]);
  const [ofGroup, inGroup] = [unsqueeze(keys, 2), unsqueeze(values, 2)];
  const outputs = matmul(softmax(fusedMatmul(grouped, ofGroup, { transposeB: true, scale })), inGroup);
  const means = reduceMean(outputs, [4]); // [b, hkv, g, chunks, 1, d]
  const weights = softmax(fusedMatmul(means, ofGroup, { transposeB: true, scale }));
  return reshape(matmul(weights, ofGroup), [batch, heads, count, headDim]);
}

/** For the rows from `ordinary` on: chunk 0 and the K - 3 best, int64 [b, h, rows (K - 2)], and zeros or NaN [b, h, rows, 1]. */
function chooseChunks(query: Value, summaries: Value, shape: AttentionShape, rule: LongHeadsRule, ordinary: number) {
  const { batch, heads, keys } = shape;
  const { chunk: w } = rule;
  const best = rule.chunks - 3;
  const parts = tilesFrom(ordinary, keys, w).map(({ start, end }) => {
    const current = Math.floor(start / w);
    const scores = fusedMatmul(gatherRange(query, 2, start, end), gatherRange(summaries, 2, 1, current - 1), {
      transposeB: true,
    });
    const sum = reduceSum(scores, [3]);
    return best === 0 ? { sum } : { sum, found: topK(scores, best)[1] };
  });
  const rows = keys - ordinary;
  const first = expand(query.graph.constant('int64', [1, 1, 1, 1], [0]), [batch, heads, rows, 1]);
  const joined = (values: readonly Value[]): Value => concat(values, 2);
  const sums = joined(parts.map(({ sum }) => sum));
  const found = parts.flatMap((part) => (part.found ? [part.found] : []));
  // The best of all rows are put in the order of their positions at once: a sort of a few rows runs in one thread.
  const chunks = found.length === 0 ? first : concat([first, topK(add(joined(found), 1), best, -1, false)[0]], 3);
  return { chunks: reshape(chunks, [batch, heads, rows * (best + 1)]), spoiled: multiply(sums, 0) };
}

/** The own chunk and the one before, with the logarithm of the sum of their exponentials; distances there are the true ones. */
function nearby(
  { query, key, value }: { readonly query: Value; readonly key: Value; readonly value: Value },
  shape: AttentionShape,
  rule: LongHeadsRule,
  ordinary: number,
) {
  const { batch, heads, kvHeads, headDim, keys } = shape;
  const { chunk: w } = rule;
  const group = heads / kvHeads;
  const masks = new Map<string, Value>();
  const parts = tilesFrom(ordinary, keys, w).map(({ start, end }) => {
    const rows = end - start;
    const from = (Math.floor(start / w) - 1) * w;
    const columns = end - from;
    const own = { ...shape, queries: rows };
    const queries = foldGroup(groupQueries(gatherRange(query, 2, start, end), own));
    const scores = fusedMatmul(queries, gatherRange(key, 2, from, end), { transposeB: true, scale: headDim ** -0.5 });
    const last = rule.selfIncluded ? 0 : 1;
    const name = `${rows} ${columns}`;
    const mask = masks.get(name) ?? additiveMask(scores, rows, columns, (i, j) => j <= start - from + i - last);
    masks.set(name, mask);
    const masked = reshape(add(reshape(scores, [batch, kvHeads, group, rows, columns]), mask), scores.shape);
    const probabilities = softmax(masked);
    const output = matmul(probabilities, gatherRange(value, 2, from, end));
    const logSum = logSumOf(masked, probabilities);
    return { output: unfoldGroup(output, own), logSum: unfoldGroup(logSum, own) };
  });
  const joined = (of: (part: (typeof parts)[number]) => Value) => concat(parts.map(of), 2);
  return { output: joined(({ output }) => output), logSum: joined(({ logSum }) => logSum) };
}

/** Chunks of the positions [from, to), the first and the last perhaps cut. */
function tilesFrom(from: number, to: number, chunk: number): readonly { start: number; end: number }[] {
  const tiles: { start: number; end: number }[] = [];
  for (let start = from; start < to; start = tiles.at(-1)!.end) {
    tiles.push({ start, end: Math.min(to, (Math.floor(start / chunk) + 1) * chunk) });
  }
  return tiles;
}
