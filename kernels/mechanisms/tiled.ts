import { tiledCost } from '../cost/attention';
import { additiveMask, attentionGraph, foldGroup, groupQueries, unfoldGroup } from '../graph/attention-graph';
import { logSumOf } from '../graph/log-sum';
import { add, multiply } from '../graph/operators/elementwise';
import { concat, gatherRange, pad, reshape, slice } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { softmax } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import * as field from '../parameters';

interface Parameters extends Record<string, number> {
  readonly heads: number;
  readonly rows: number;
  readonly span: number;
}

/**
 * The tiles in which exact attention runs where a mechanism gives no other. A product packs its keys again for each tile,
 * which more rows pay less often; fewer heads keep the scores in the cache: 0.92 of the time of fused against 1.01 with
 * 8 heads of 128 rows (8192 positions, 2 threads, 32 MB of third-level cache, onnxruntime 1.30, 2026-11).
 */
export const exactTiles = { heads: 2, rows: 256, span: 512 } as const;

/**
 * Exact attention in tiles of query rows; the n x m matrix of scores is never whole.
 *
 * Causal: the queries are cut into spans, and a span's keys into those of the span (masked) and those before it (unmasked,
 * most of the work). A tile first attends inside its span, which gives an output o and the logarithm l of its softmax's
 * denominator. Then it attends to the earlier keys and to one more key, whose score is l and whose value is o: the softmax
 * over those is the softmax over all. The score l comes from one more column of the query (l) and of the keys (1 for that
 * key, 0 for the others), so masks touch the diagonal spans only and no score is copied.
 */
export const tiled: Mechanism<Parameters> = {
  id: 'tiled',
  title: 'Tiled',
  family: 'dense',
  summary:
    'Exact softmax attention in chunks of queries: the same numbers as the plain definition with a small part of its memory, and in causal attention half of its work.',
  source: {
    reference:
      'arXiv:2112.05682, section 2 (chunked queries); arXiv:2205.14135, section 3.1 (merging by the softmax statistics)',
    trust: 'high',
    note: 'Merging the diagonal by one more key is our choice for runtimes whose softmax does not give its denominator.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'all that came before, tile by tile', chosen: 'beforehand' },
    normaliser: { words: 'softmax of two parts, joined by their largest probabilities', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {
    heads: field.integer(
      'Heads of a tile',
      'Key/value heads, with their query heads, whose scores are in memory at a time.',
      { min: 1, max: 256, default: exactTiles.heads },
    ),
    rows: field.integer('Rows of a tile', 'Queries whose scores are in memory at a time, for each head.', {
      min: 1,
      max: 8192,
      default: exactTiles.rows,
    }),
    span: field.integer(
      'Span',
      'Causal only: queries that share one copy of the keys before them; masks are applied inside a span.',
      { min: 1, max: 65536, default: exactTiles.span },
    ),
  },
  layout: 'heads-first',
  exponent: 2,
  supports: () => ({ ok: true }),
  reference: (inputs, shape) => softmaxRows(inputs, shape, allRows(shape), denseDefinition(shape)),
  referenceRows: (inputs, shape, _parameters, rows) => softmaxRows(inputs, shape, rows, denseDefinition(shape)),
  build: (full, parameters, precision) =>
    attentionGraph('tiled', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      isCausalSelf(shape)
        ? causalInTiles(query, key, value, shape, parameters)
        : unmaskedInTiles(query, key, value, shape, parameters),
    ),
  cost(shape, { heads, rows, span }) {
    const fewHeads = Math.min(heads, shape.kvHeads);
    const tile = {
      tileHeads: (fewHeads * shape.heads) / shape.kvHeads,
      tileRows: Math.min(rows, shape.queries),
      tileKeys: shape.keys,
    };
    if (!isCausalSelf(shape)) return tiledCost(shape, { ...tile, pairs: shape.queries * shape.keys, copiedKeys: 0 });
    const queries = Math.min(shape.queries, shape.keys);
    const offset = shape.keys - queries;
    let pairs = 0;
    let copiedKeys = 0;
    for (const [first, last] of rangesOf(0, queries, span)) {
      copiedKeys += offset + first;
      for (const [start, end] of rangesOf(first, last, rows)) {
        pairs += (end - start) * (offset + end);
        copiedKeys += end - first;
      }
    }
    // The keys and values with one more row and column each, and those of a few heads once more for a span.
    const rowBytes = 4 * shape.batch * (shape.headDim + shape.valueDim + 1);
    const workBytes = rowBytes * shape.keys * (shape.kvHeads + fewHeads);
    return tiledCost(shape, { ...tile, pairs, copiedKeys, workBytes });
  },
  pattern: (shape, { rows, span }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: rows, keys: Math.min(rows, span) } } : {}),
  }),
  limits: [
    { name: 'the plain definition', parameters: () => ({}), equals: 'scaled-dot-product' },
    {
      // A long sequence in tiles of one row is a graph of thousands of nodes, which takes seconds to open.
      name: 'one row a tile, eight of a long sequence',
      parameters: ({ queries }) => (queries < 100 ? { rows: 1, span: 2 } : { rows: 8, span: 16 }),
      equals: 'scaled-dot-product',
    },
  ],
};

/** Heads-first output of attention without a mask. */
export function unmaskedInTiles(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  { heads, rows }: Parameters,
): Value {
  const grouped = groupQueries(query, shape);
  const scale = shape.headDim ** -0.5;
  const few = rangesOf(0, shape.kvHeads, heads);
  const keys = few.map(([from, to]) => gatherRange(key, 1, from, to));
  const values = few.map(([from, to]) => gatherRange(value, 1, from, to));
  const parts = rangesOf(0, shape.queries, rows).map(([start, end]) => {
    const queries = slice(grouped, 3, start, end);
    const outputs = few.map(([from, to], at) => {
      const tile = foldGroup(gatherRange(queries, 1, from, to));
      const scores = fusedMatmul(tile, keys[at]!, { transposeB: true, scale });
      return unfoldGroup(matmul(softmax(scores), values[at]!), shape);
    });
    return concat(outputs, 1);
  });
  return concat(parts, 2);
}

type Range = readonly [from: number, to: number];

/** [from, to) in pieces of `length`, the last one perhaps shorter. */
const rangesOf = (from: number, to: number, length: number): readonly Range[] =>
  Array.from({ length: Math.ceil((to - from) / length) }, (_, at) => [
    from + at * length,
    Math.min(from + (at + 1) * length, to),
  ]);

/**
 * Heads-first output of causal self-attention, queries <= keys; also the full heads of a mixture run in it.
 *
 * The heads are the inner loop: tiles of one shape then follow each other, and the runtime gives the next one the memory of
 * the last. With heads outside it kept the scores of every tile for the next heads: 235 MB against 122 (1.30, 2026-11).
 */
export function causalInTiles(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  { heads, rows, span }: Parameters,
): Value {
  const { batch, kvHeads, headDim } = shape;
  const { graph } = query;
  const scale = headDim ** -0.5;
  const offset = queryOffset(shape);
  const grouped = groupQueries(query, shape);
  const needsPast = offset > 0 || shape.queries > span;

  const few = rangesOf(0, kvHeads, heads).map(([from, to]) => {
    const one = (x: Value) => gatherRange(x, 1, from, to);
    if (!needsPast) return { one };
    // Row 0 is the further key: its last column, times the scale, hands on the last column of the query.
    const count = to - from;
    const furtherKey = graph.constant(
      key.type,
      [batch, count, 1, headDim + 1],
      further(batch * count, headDim, 1 / scale),
    );
    return { one, wideKey: concat([furtherKey, pad(one(key), 3, 0, 1)], 2), wideValue: pad(one(value), 2, 1, 0) };
  });

  const masks = new Map<string, Value>();
  const maskOf = (like: Value, queries: number, before: number): Value => {
    const name = `${queries} after ${before}`;
    const mask = masks.get(name) ?? additiveMask(like, queries, before + queries, (i, j) => j <= before + i);
    masks.set(name, mask);
    return mask;
  };

  const parts = rangesOf(0, shape.queries, span).map(([first, last]) => {
    const from = offset + first;
    const spanQuery = slice(grouped, 3, first, last);
    const spanKey = gatherRange(key, 2, from, offset + last);
    const spanValue = gatherRange(value, 2, from, offset + last);
    const outputs = few.map(({ one, wideKey, wideValue }) => {
      const [queries, keys, values] = [one(spanQuery), one(spanKey), one(spanValue)];
      const past =
        from > 0 && wideKey && wideValue
          ? { key: gatherRange(wideKey, 2, 0, from + 1), value: gatherRange(wideValue, 2, 0, from + 1) }
          : undefined;
      const tiles = rangesOf(0, last - first, rows).map(([start, end]) => {
        const length = end - start;
        const tile = foldGroup(slice(queries, 3, start, end)); // [b, some hkv, g * length, d]
        const scores = fusedMatmul(tile, gatherRange(keys, 2, 0, end), { transposeB: true, scale });
        const apart = reshape(scores, [batch, Number(scores.shape[1]), shape.heads / kvHeads, length, end]);
        const masked = reshape(add(apart, maskOf(scores, length, start)), scores.shape);
        const probabilities = softmax(masked);
        const inside = matmul(probabilities, gatherRange(values, 2, 0, end));
        if (!past) return unfoldGroup(inside, shape);
        const logDenominator = logSumOf(masked, probabilities);
        const all = softmax(fusedMatmul(concat([tile, logDenominator], 3), past.key, { transposeB: true, scale }));
        return unfoldGroup(add(matmul(all, past.value), multiply(slice(all, 3, 0, 1), inside)), shape);
      });
      return concat(tiles, 2);
    });
    return concat(outputs, 1);
  });
  return concat(parts, 2);
}

const further = (count: number, headDim: number, last: number): Float32Array =>
  Float32Array.from({ length: count * (headDim + 1) }, (_, x) => (x % (headDim + 1) === headDim ? last : 0));
