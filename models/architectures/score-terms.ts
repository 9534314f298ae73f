/**
 * What attention adds to the products of queries and keys before softmax: one value [.., n, t], whatever the family makes it of. It stands
 * before soft-caps and masks, and interventions act on the sum.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, cast, clip, exponential, multiply, softplus, subtract } from '../../kernels/graph/operators/elementwise';
import { shapeOf } from '../../kernels/graph/operators/dynamic';
import { concat, gather, gatherElements, reshape, transpose, unsqueeze } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import type { AlibiBias, RelativeDistances } from '../formats/families/shared/computation';
import { linear, norm } from './layers';
import { waveScores } from './relative-positions';
import type { AttentionSpec, BucketBias, DisentangledTerms, ValueBias } from './attention-spec';
import type { Linear } from './weights-spec';
import { weight, type StoredWeights } from './stored-weights';

/** Positions of the queries [n] and the keys [t] of a run; those of queries are absent where nothing reads them. */
interface TermPositions {
  readonly queries?: Value;
  readonly keys: Value;
}

/** Whether scores have a term that depends on the positions of queries and keys. */
export const hasDistanceTerms = ({ alibi, buckets, disentangled, waves, mappedBuckets }: AttentionSpec): boolean =>
  [alibi, buckets, disentangled, waves, mappedBuckets].some((term) => term !== undefined);

/** Whether anything is added to the products of queries and keys. */
export const hasScoreTerms = (spec: AttentionSpec): boolean => hasDistanceTerms(spec) || spec.valueBias !== undefined;

/** Undefined where scores are products alone; terms of mapped buckets are made elsewhere (predicting-stream.ts). */
export function scoreTerms(
  graph: GraphBuilder,
  spec: AttentionSpec,
  weights: StoredWeights,
  /** Query [b, h, n, d], key and value [b, g, t, d]. */
  { query, key, value }: { readonly query: Value; readonly key: Value; readonly value: Value },
  positions: TermPositions | undefined,
): Value | undefined {
  if (!hasScoreTerms(spec)) return undefined;
  if (spec.valueBias && !hasDistanceTerms(spec)) return valueScores(graph, spec, spec.valueBias, weights, value);
  if (!positions) throw new RangeError('a bias by distance needs the positions of queries and keys');
  const { alibi, buckets, disentangled, waves, scale } = spec;
  const { queries, keys } = positions;
  const terms = [
    ...(alibi ? [alibiScores(alibi, positions, scale)] : []),
    ...(buckets ? [bucketScores(graph, buckets, spec, weights, distances(positions))] : []),
    ...(waves && queries ? waveScores(graph, spec, waves, weights, { query, key }, { queries, keys }) : []),
    ...(disentangled ? positionScores(graph, spec, disentangled, weights, { query, key }, distances(positions)) : []),
  ];
  return terms.reduce((sum, term) => add(sum, term));
}

/**
 * The values of each head [b, h, t, d] under its kernel over positions, [b, h, n, d]: a product with the kernel's number for each
 * distance, since a convolution of a text whose length a run decides has no gradient here. Undefined where there is no kernel.
 */
export function convolvedValues(
  graph: GraphBuilder,
  { convolution, heads }: AttentionSpec,
  weights: StoredWeights,
  values: Value,
  positions: TermPositions | undefined,
): Value | undefined {
  if (!convolution) return undefined;
  if (!positions) throw new RangeError('a convolution needs the positions of queries and keys');
  const { weight: name, size } = convolution;
  // From here on a position is not reached.
  const beyond = (size + 1) / 2;
  const kernel = reshape(weight(graph, weights, name, [heads, 1, size, 1]), [heads, size]);
  const nothing = graph.constant('float32', [heads, 1], new Float32Array(heads));
  const column = add(clip(cast(distances(positions), 'float32'), -beyond, beyond), beyond);
  return matmul(gather(concat([nothing, kernel, nothing], 1), cast(column, 'int64'), 1), values);
}

/** What is added to the score of each key, [b, h, 1, t]. */
function valueScores(
  graph: GraphBuilder,
  { heads, kvHeads }: AttentionSpec,
  { linear: map, gain }: ValueBias,
  weights: StoredWeights,
  value: Value,
): Value {
  const [b = 'b', , t = 't'] = value.shape;
  const rows = reshape(transpose(value, [0, 2, 1, 3]), [b, t, map.inputs]);
  const raised = multiply(softplus(linear(graph, weights, map, rows)), weight(graph, weights, gain, [kvHeads]));
  const byKeyHead = unsqueeze(transpose(exponential(raised), [0, 2, 1]), 2);
  const group = heads / kvHeads;
  if (group === 1) return byKeyHead;
  const of = Array.from({ length: heads }, (_, head) => Math.floor(head / group));
  return gather(byKeyHead, graph.constant('int64', [heads], of), 1);
}

/** Position of the key less that of the query, [n, t]. */
function distances({ keys, queries }: TermPositions): Value {
  if (!queries) throw new RangeError('a distance needs the positions of the queries');
  return subtract(reshape(keys, [1, keys.shape[0] ?? 1]), reshape(queries, [queries.shape[0] ?? 1, 1]));
}

/** What ALiBi adds to the scores, [h, n, t]; the rounded form leaves out what is the same for all keys of a query, [h, 1, t]. */
function alibiScores({ slopes, rounded }: AlibiBias, positions: TermPositions, scale: number): Value {
  const { keys } = positions;
  const of = keys.graph.constant('float32', [slopes.length, 1, 1], slopes);
  if (!rounded) return multiply(of, cast(distances(positions), 'float32'));
  const key = reshape(keys, [1, keys.shape[0] ?? 1]);
  const round = (x: Value): Value => cast(cast(x, 'bfloat16'), 'float32');
  return multiply(round(multiply(round(of), round(cast(key, 'float32')))), scale);
}

/** The learned number of each head for the bucket of each distance, [h, n, t]. */
function bucketScores(
  graph: GraphBuilder,
  { table, buckets, farthest, bothWays, byHead }: BucketBias,
  { heads, scale }: AttentionSpec,
  weights: StoredWeights,
  distance: Value,
): Value {
  // All distances from `farthest` on have one bucket.
  const known = Array.from({ length: 2 * farthest + 1 }, (_, i) =>
    bucketOf(i - farthest, { buckets, farthest, bothWays }),
  );
  const stored = byHead
    ? transpose(multiply(weight(graph, weights, table, [heads, buckets]), scale), [1, 0])
    : weight(graph, weights, table, [buckets, heads]);
  const byDistance = gather(stored, graph.constant('int64', [known.length], known));
  const row = add(clip(cast(distance, 'float32'), -farthest, farthest), farthest);
  return gather(transpose(byDistance, [1, 0]), cast(row, 'int64'), 1);
}

/** The terms of contents with positions and of positions with contents, [b, h, n, t] each. */
function positionScores(
  graph: GraphBuilder,
  { heads, headDim, scale }: AttentionSpec,
  { table, norm: normed, key: ofKeys, query: ofQueries, distances: of }: DisentangledTerms,
  weights: StoredWeights,
  { query, key }: { readonly query: Value; readonly key: Value },
  distance: Value,
): readonly Value[] {
  const stored = weight(graph, weights, table, [2 * of.span, heads * headDim]);
  const rows = normed ? norm(graph, weights, normed, stored) : stored;
  // Position of the query less that of the key.
  const apart = clip(multiply(cast(distance, 'float32'), -1), 1 - last(of), last(of) - 1);
  const rowsOf = Array.from({ length: 2 * last(of) - 1 }, (_, i) => rowOf(i + 1 - last(of), of));
  const row = gather(graph.constant('int64', [rowsOf.length], rowsOf), cast(add(apart, last(of) - 1), 'int64'));
  /** [b, h, rows of x, 2 span]: products with what a map makes of the table. */
  const products = (x: Value, map: Linear): Value => {
    const made = reshape(linear(graph, weights, map, rows), [2 * of.span, heads, headDim]);
    return fusedMatmul(x, transpose(made, [1, 2, 0]), { scale });
  };
  return [
    ...(ofKeys ? [picked(products(query, ofKeys), row)] : []),
    ...(ofQueries ? [transpose(picked(products(key, ofQueries), transpose(row, [1, 0])), [0, 1, 3, 2])] : []),
  ];
}

/** In each row of x [b, h, i, rows] the columns that the indices [i, j] name. */
export function picked(x: Value, indices: Value): Value {
  const shape = concat([shapeOf(x, 0, 2), shapeOf(indices)], 0);
  const all = x.graph.node(
    'Expand',
    [indices, shape],
    [{ type: 'int64', shape: [...x.shape.slice(0, 2), ...indices.shape] }],
  )[0];
  return gatherElements(x, all, 3);
}

/** From here on all distances have one row. */
const last = ({ span, farthest }: RelativeDistances): number => Math.max(span, farthest ?? 0) + 1;

/**
 * Row of the table for a distance (position of the query less that of the key): span + distance, within the table. Version 2 of the
 * class takes the logarithms in float32.
 */
export function rowOf(distance: number, { span, farthest }: RelativeDistances): number {
  const within = (value: number): number => Math.min(Math.max(span + value, 0), 2 * span - 1);
  const middle = Math.floor(span / 2);
  const steps = Math.abs(distance);
  if (farthest === undefined || steps <= middle) return within(distance);
  const f = Math.fround;
  const share = f(f(Math.log(f(steps / middle))) / f(Math.log((farthest - 1) / middle)));
  return within(Math.sign(distance) * (Math.ceil(f(share * (middle - 1))) + middle));
}

/**
 * Bucket of a distance (position of the key less that of the query): half of them count one distance each, the others grow
 * logarithmically up to `farthest` (arXiv:1910.10683, section 2.1). Both ways, keys behind the query have the first half of the
 * buckets and keys in front of it the other; else all keys in front have bucket 0. The logarithms are float32, as in the classes.
 */
export function bucketOf(
  distance: number,
  { buckets, farthest, bothWays }: Pick<BucketBias, 'buckets' | 'farthest' | 'bothWays'>,
): number {
  const count = bothWays ? buckets / 2 : buckets;
  const first = bothWays && distance > 0 ? count : 0;
  const steps = bothWays ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(count / 2);
  if (steps < exact) return first + steps;
  const f = Math.fround;
  const share = f(f(Math.log(f(steps / exact))) / f(Math.log(farthest / exact)));
  return first + Math.min(count - 1, exact + Math.trunc(f(share * (count - exact))));
}
