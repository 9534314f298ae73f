import { tiledCost } from '../cost/attention';
import { additiveMask, attentionGraph, foldGroup, groupQueries, unfoldGroup } from '../graph/attention-graph';
import { add, logarithm, multiply, subtract } from '../graph/operators/elementwise';
import { concat, gatherRange, pad, reshape, slice } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { reduceMax, softmax } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';

interface Parameters extends Record<string, number> {
  readonly rows: number;
  readonly span: number;
}

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
  parameters: {
    rows: {
      kind: 'integer',
      title: 'Rows of a tile',
      description: 'Queries whose scores are in memory at a time, for each head.',
      min: 1,
      max: 8192,
      default: 128,
    },
    span: {
      kind: 'integer',
      title: 'Span',
      description: 'Causal only: queries that share one copy of the keys before them; masks are applied inside a span.',
      min: 1,
      max: 65536,
      default: 512,
    },
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
  cost(shape, { rows, span }) {
    const tileRows = Math.min(rows, shape.queries);
    if (!isCausalSelf(shape)) {
      return tiledCost(shape, { pairs: shape.queries * shape.keys, tileRows, tileKeys: shape.keys, copiedKeys: 0 });
    }
    const queries = Math.min(shape.queries, shape.keys);
    const offset = shape.keys - queries;
    let pairs = 0;
    let copiedKeys = 0;
    for (const tile of tilesOf(queries, rows, span)) {
      pairs += (tile.end - tile.start) * (offset + tile.end);
      copiedKeys += tile.end - tile.span + (tile.start === tile.span ? offset + tile.span : 0);
    }
    // The keys and values with one more row and column each, and a span's copy of them.
    const widened = 8 * shape.batch * shape.kvHeads * shape.keys * (shape.headDim + shape.valueDim + 1);
    return tiledCost(shape, { pairs, tileRows, tileKeys: shape.keys, copiedKeys, workBytes: widened });
  },
  pattern: (shape, { rows, span }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: rows, keys: Math.min(rows, span) } } : {}),
  }),
  limits: [
    { name: 'the plain definition', parameters: () => ({}), equals: 'scaled-dot-product' },
    { name: 'one row a tile', parameters: () => ({ rows: 1, span: 2 }), equals: 'scaled-dot-product' },
  ],
};

/** Heads-first output of attention without a mask. */
export function unmaskedInTiles(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  { rows }: Parameters,
): Value {
  const grouped = groupQueries(query, shape);
  const parts: Value[] = [];
  for (let start = 0; start < shape.queries; start += rows) {
    const tile = foldGroup(slice(grouped, 3, start, Math.min(start + rows, shape.queries)));
    const scores = fusedMatmul(tile, key, { transposeB: true, scale: shape.headDim ** -0.5 });
    parts.push(unfoldGroup(matmul(softmax(scores), value), shape));
  }
  return concat(parts, 2);
}

interface Tile {
  /** Queries [start, end) of the span that begins at `span`. */
  readonly start: number;
  readonly end: number;
  readonly span: number;
}

function tilesOf(queries: number, rows: number, span: number): readonly Tile[] {
  const tiles: Tile[] = [];
  for (let first = 0; first < queries; first += span) {
    const last = Math.min(first + span, queries);
    for (let start = first; start < last; start += rows) {
      tiles.push({ start, end: Math.min(start + rows, last), span: first });
    }
  }
  return tiles;
}

/** Heads-first output of causal self-attention, queries <= keys; also the full heads of a mixture run in it. */
export function causalInTiles(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  { rows, span }: Parameters,
): Value {
  const { batch, kvHeads, headDim } = shape;
  const { graph } = query;
  const scale = headDim ** -0.5;
  const offset = queryOffset(shape);
  const grouped = groupQueries(query, shape);
  const needsPast = offset > 0 || shape.queries > span;

  // Row 0 is the further key: its last column, times the scale, hands on the last column of the query.
  const furtherKey = graph.constant(
    key.type,
    [batch, kvHeads, 1, headDim + 1],
    further(batch * kvHeads, headDim, 1 / scale),
  );
  const wideKey = needsPast ? concat([furtherKey, pad(key, 3, 0, 1)], 2) : key;
  const wideValue = needsPast ? pad(value, 2, 1, 0) : value;

  const masks = new Map<string, Value>();
  const maskOf = (like: Value, queries: number, before: number): Value => {
    const name = `${queries} after ${before}`;
    const mask = masks.get(name) ?? additiveMask(like, queries, before + queries, (i, j) => j <= before + i);
    masks.set(name, mask);
    return mask;
  };

  let past: { readonly span: number; readonly key: Value; readonly value: Value } | undefined;
  const parts = tilesOf(shape.queries, rows, span).map((tile) => {
    const length = tile.end - tile.start;
    const from = offset + tile.span;
    const to = offset + tile.end;
    if (from > 0 && past?.span !== tile.span) {
      past = {
        span: tile.span,
        key: gatherRange(wideKey, 2, 0, from + 1),
        value: gatherRange(wideValue, 2, 0, from + 1),
      };
    }
    const queries = foldGroup(slice(grouped, 3, tile.start, tile.end)); // [b, hkv, g * length, d]
    const scores = fusedMatmul(queries, gatherRange(key, 2, from, to), { transposeB: true, scale });
    const apart = reshape(scores, [batch, kvHeads, shape.heads / kvHeads, length, to - from]);
    const masked = reshape(add(apart, maskOf(scores, length, tile.start - tile.span)), scores.shape);
    const probabilities = softmax(masked);
    const inside = matmul(probabilities, gatherRange(value, 2, from, to));
    if (!past) return unfoldGroup(inside, shape);
    // The largest probability is 1 / denominator: with the largest score it gives the logarithm of the whole denominator.
    const logDenominator = subtract(reduceMax(masked, [3]), logarithm(reduceMax(probabilities, [3])));
    const all = softmax(fusedMatmul(concat([queries, logDenominator], 3), past.key, { transposeB: true, scale }));
    const merged = add(matmul(all, past.value), multiply(slice(all, 3, 0, 1), inside));
    return unfoldGroup(merged, shape);
  });
  return concat(parts, 2);
}

const further = (count: number, headDim: number, last: number): Float32Array =>
  Float32Array.from({ length: count * (headDim + 1) }, (_, x) => (x % (headDim + 1) === headDim ? last : 0));
