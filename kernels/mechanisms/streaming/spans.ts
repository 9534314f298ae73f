/**
 * Attention in which every key/value head has a span of its own: the first `sinks` positions and the last `recent` ones, the
 * query's own included. The kernel under StreamingLLM, DuoAttention, RazorAttention and MoA, which differ in how they choose
 * the spans. Letters: i position of a query on the axis of the keys, j position of a key, s sinks, r recents.
 */
import { tiledCost } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { additiveMask, foldGroup, groupQueries, unfoldGroup } from '../../graph/attention-graph';
import { attendByClass, shapeOfClass } from '../../graph/head-classes';
import { logSumOf } from '../../graph/log-sum';
import { add, divide, multiply, sigmoid, subtract } from '../../graph/operators/elementwise';
import { concat, gather, gatherRange, pad, reshape, slice, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { cumulativeSum, reduceSum, softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import type { Support } from '../../mechanism';
import { queryOffset, type AttentionShape } from '../../shape';
import { causalInTiles, exactTiles, tiled } from '../tiled';

export interface HeadSpan {
  /** Keys at the start of the sequence that stay. */
  readonly sinks: number;
  /** Latest keys that stay, the query's own included; Infinity keeps all. */
  readonly recent: number;
  /** The keys between take part as one: their mean key with their mean value, weighted by their count. */
  readonly compensated?: boolean;
}

export const fullSpan: HeadSpan = { sinks: 0, recent: Number.POSITIVE_INFINITY };

/** One span for each key/value head. */
export type HeadSpans = readonly HeadSpan[];

export function spanSupport(shape: AttentionShape): Support {
  switch (shape.pattern) {
    case 'causal-self':
      return { ok: true };
    case 'noncausal-self':
      return {
        ok: false,
        why: 'Sinks and recent keys are what the cache of a decoder keeps: without a direction no key is more recent than another.',
      };
    case 'noncausal-cross':
    case 'causal-cross':
      return {
        ok: false,
        why: 'Recent keys are those before the query in its own sequence: in cross attention queries and keys have no common order.',
      };
  }
}

export const spanReads =
  (shape: AttentionShape, spans: HeadSpans) =>
  (head: number, query: number, key: number): boolean => {
    const span = spanOf(shape, spans, head);
    const position = query + queryOffset(shape);
    return key <= position && (key < span.sinks || key > position - span.recent);
  };

/** Pairs that reach the query inside the mean of the keys that its head dropped. */
export const spanSummarises =
  (shape: AttentionShape, spans: HeadSpans) =>
  (head: number, query: number, key: number): boolean => {
    const span = spanOf(shape, spans, head);
    return span.compensated === true && key >= span.sinks && key <= query + queryOffset(shape) - span.recent;
  };

const spanOf = (shape: AttentionShape, spans: HeadSpans, head: number): HeadSpan =>
  spans[Math.floor(head / (shape.heads / shape.kvHeads))]!;

/** Keys that a head drops for the query at a position: those from `sinks` to position - recent. */
export const droppedKeys = (span: HeadSpan, position: number): number =>
  Math.max(0, position - span.recent + 1 - span.sinks);

/** Whether no query of the shape is denied a key that lies before it. */
const isFull = (shape: AttentionShape, span: HeadSpan): boolean => span.sinks + span.recent >= shape.keys;

interface SpanClass {
  readonly span: HeadSpan;
  /** Key/value heads, ascending. */
  readonly heads: readonly number[];
}

/** Heads of equal spans. */
export function classesBySpan(spans: HeadSpans): readonly SpanClass[] {
  const classes = new Map<string, { span: HeadSpan; heads: number[] }>();
  spans.forEach((span, head) => {
    const name = [span.sinks, span.recent, span.compensated ?? false].join();
    const found = classes.get(name);
    if (found) found.heads.push(head);
    else classes.set(name, { span, heads: [head] });
  });
  return [...classes.values()];
}

/** Heads of equal spans go through one set of products; all heads that read everything are one class. */
const classesOf = (shape: AttentionShape, spans: HeadSpans): readonly (SpanClass & { readonly full: boolean })[] =>
  classesBySpan(spans.map((span) => (isFull(shape, span) ? fullSpan : span))).map((each) => ({
    ...each,
    full: each.span === fullSpan,
  }));

/** Heads-first output [b, h, n, dv]; queries <= keys. */
export const spanAttention = (query: Value, key: Value, value: Value, shape: AttentionShape, spans: HeadSpans): Value =>
  attendByClass(
    query,
    key,
    value,
    shape,
    classesOf(shape, spans).map(({ span, full, heads }) => ({
      heads,
      attend: (q, k, v, own) => (full ? causalInTiles(q, k, v, own, exactTiles) : banded(q, k, v, own, span)),
    })),
  );

interface Tile {
  /** Queries [start, end) read the keys [0, sinks) and [from, to). */
  readonly start: number;
  readonly end: number;
  readonly sinks: number;
  readonly from: number;
  readonly to: number;
}

/** A quarter of the recents, as in the sliding window: wider tiles compute more masked scores, narrower repack keys more often. */
const tileRows = ({ recent }: HeadSpan): number => Math.min(256, Math.max(32, Math.ceil(recent / 4 / 32) * 32));

function tilesOf(shape: AttentionShape, span: HeadSpan): readonly Tile[] {
  const rows = tileRows(span);
  const offset = queryOffset(shape);
  const tiles: Tile[] = [];
  for (let start = 0; start < shape.queries; start += rows) {
    const end = Math.min(start + rows, shape.queries);
    const oldest = Math.max(0, start + offset - span.recent + 1);
    const apart = oldest > span.sinks;
    tiles.push({ start, end, sinks: apart ? span.sinks : 0, from: apart ? oldest : 0, to: end + offset });
  }
  return tiles;
}

/** All heads with the same span. */
function banded(query: Value, key: Value, value: Value, shape: AttentionShape, span: HeadSpan): Value {
  const { batch, kvHeads } = shape;
  const group = shape.heads / kvHeads;
  const grouped = groupQueries(query, shape);
  const offset = queryOffset(shape);
  const scale = shape.headDim ** -0.5;
  const dropped = span.compensated ? meansOfDropped(key, value, shape, span) : undefined;
  const masks = new Map<string, Value>();
  const parts = tilesOf(shape, span).map(({ start, end, sinks, from, to }) => {
    const rows = end - start;
    const columns = sinks + to - from;
    const keys = [...integers(0, sinks), ...integers(from, to)];
    const tile = foldGroup(gatherRange(grouped, 3, start, end)); // [b, hkv, g * rows, d]
    const scores = fusedMatmul(tile, gatherList(key, keys), { transposeB: true, scale });
    // Tiles at the start of the sequence are distinguished by their place, the others all look the same.
    const name = `${rows} ${columns} ${sinks} ${from === 0 ? start + offset : ''}`;
    const mask =
      masks.get(name) ??
      additiveMask(scores, rows, columns, (i, j) => {
        const position = start + i + offset;
        const at = keys[j]!;
        return at <= position && (at < span.sinks || at > position - span.recent);
      });
    masks.set(name, mask);
    const apart = add(reshape(scores, [batch, kvHeads, group, rows, columns]), mask);
    const masked = reshape(apart, scores.shape);
    const probabilities = softmax(masked);
    const output = matmul(probabilities, gatherList(value, keys));
    if (!dropped || droppedKeys(span, end - 1 + offset) === 0) return unfoldGroup(output, shape);
    const compensated = withDropped({ tile, masked, probabilities, output }, { shape, rows, ...dropped(start, end) });
    return unfoldGroup(compensated, shape);
  });
  return concat(parts, 2);
}

/**
 * Merges a tile's attention over the kept keys with one more key k^ and value v^ for each query, of score
 * q . k^ / sqrt(d) + ln N: out = o + g (v^ - o), g = sigmoid(that score - ln(sum of the exponentials of the kept scores)).
 */
function withDropped(
  kept: { readonly tile: Value; readonly masked: Value; readonly probabilities: Value; readonly output: Value },
  mean: {
    readonly shape: AttentionShape;
    readonly rows: number;
    readonly key: Value;
    readonly value: Value;
    readonly logCount: Value;
  },
): Value {
  const { batch, kvHeads, headDim, valueDim, heads } = mean.shape;
  const group = heads / kvHeads;
  const apart = (x: Value) => reshape(x, [batch, kvHeads, group, mean.rows, Number(x.shape[3])]);
  const products = multiply(apart(kept.tile), unsqueeze(mean.key, 2)); // [b, hkv, g, rows, d]
  const score = add(multiply(reduceSum(products, [4]), headDim ** -0.5), mean.logCount);
  const logDenominator = logSumOf(kept.masked, kept.probabilities);
  const gate = sigmoid(subtract(score, apart(logDenominator)));
  const output = apart(kept.output);
  const merged = add(output, multiply(gate, subtract(unsqueeze(mean.value, 2), output)));
  return reshape(merged, [batch, kvHeads, group * mean.rows, valueDim]);
}

/**
 * For the queries [start, end): mean key and mean value of the keys that each one dropped, [b, hkv, rows, width], and the
 * logarithm of how many they are, [rows, 1]. Sums run from key to key, so that a query costs one addition.
 */
function meansOfDropped(key: Value, value: Value, shape: AttentionShape, span: HeadSpan) {
  const { graph } = key;
  const offset = queryOffset(shape);
  const count = (query: number) => droppedKeys(span, query + offset);
  // Keys that even the first query has dropped are summed at once; `sums` holds the sums over c + 1, c + 2, ... keys.
  const first = Math.max(1, count(0));
  const last = count(shape.queries - 1);
  const sums = (x: Value): Value => {
    const head = reduceSum(slice(x, 2, span.sinks, span.sinks + first), [2]);
    if (last <= first) return head;
    const tail = cumulativeSum(slice(x, 2, span.sinks + first, span.sinks + last), 2);
    return add(pad(tail, 2, 1, 0), head);
  };
  const [keySums, valueSums] = last > 0 ? [sums(key), sums(value)] : [key, value];
  return (start: number, end: number) => {
    const rows = integers(start, end).map(count);
    const indices = graph.constant(
      'int64',
      [rows.length],
      rows.map((dropped) => Math.max(0, dropped - first)),
    );
    const counts = graph.constant(
      key.type,
      [rows.length, 1],
      rows.map((dropped) => Math.max(1, dropped)),
    );
    return {
      key: divide(gather(keySums, indices, 2), counts),
      value: divide(gather(valueSums, indices, 2), counts),
      logCount: graph.constant(
        key.type,
        [rows.length, 1],
        rows.map((dropped) => Math.log(dropped)),
      ),
    };
  };
}

const gatherList = (x: Value, positions: readonly number[]): Value =>
  gather(x, x.graph.constant('int64', [positions.length], positions), 2);

/** Sum over the classes of heads; a compensated head adds one score and two running sums to each query. */
export function spanCost(shape: AttentionShape, spans: HeadSpans): Cost {
  const seeing = Math.min(shape.queries, shape.keys);
  const costs = classesOf(shape, spans).map(({ span, full, heads }) => {
    const own = shapeOfClass(shape, heads);
    if (full) return tiled.cost(own, exactTiles);
    const tiles = tilesOf({ ...own, queries: seeing }, span);
    const keysOf = ({ sinks, from, to }: Tile) => sinks + to - from;
    const banded = tiledCost(own, {
      pairs: tiles.reduce((sum, tile) => sum + (tile.end - tile.start) * keysOf(tile), 0),
      tileRows: Math.min(tileRows(span), seeing),
      tileKeys: tiles.reduce((most, tile) => Math.max(most, keysOf(tile)), 0),
      copiedKeys: tiles.reduce((sum, tile) => sum + keysOf(tile), 0),
    });
    if (!span.compensated) return banded;
    const width = own.headDim + own.valueDim;
    const sums = own.batch * own.kvHeads * own.keys * width;
    const means = own.batch * own.heads * seeing * width;
    return {
      flops: banded.flops + sums + 3 * means,
      bytes: banded.bytes + 4 * (3 * sums + 10 * means),
      peakBytes: banded.peakBytes + 4 * sums,
    };
  });
  const sum = (of: (cost: Cost) => number) => costs.reduce((total, cost) => total + of(cost), 0);
  return { flops: sum((c) => c.flops), bytes: sum((c) => c.bytes), peakBytes: sum((c) => c.peakBytes) };
}

/** A tile that covers those of all heads: where work is skipped, and as far as a NaN may spread. */
export function spanBlock(
  shape: AttentionShape,
  spans: HeadSpans,
): { readonly queries: number; readonly keys: number } {
  const rows = Math.max(...spans.map((span) => (isFull(shape, span) ? exactTiles.rows : tileRows(span))));
  return { queries: rows, keys: rows };
}
