/** Routed and local heads in float64, straight from the definition. */
import { integers } from '../../integers';
import { sequenceInputs } from '../../reference/batches';
import { softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { fitCentroids, nearest, normalised, similarities, topWindow } from './clusters';
import { localHeads, localReads, ownClusterOnly, sharesKeys, windowOf, type RoutingParameters } from './rule';
import type { AttentionInputs } from '../../tensors/tensor';

/** Rows of a head, on the sphere where they are normalised. */
function rowsOf(x: Tensor, head: number, { normalise }: RoutingParameters): readonly Float64Array[] {
  const [, , length, width] = x.shape as readonly [number, number, number, number];
  return integers(0, length).map((i) => {
    const from = (head * length + i) * width;
    return normalise ? normalised(x.data, from, width) : x.data.slice(from, from + width);
  });
}

const kvHeadOf = ({ heads, kvHeads }: AttentionShape, head: number): number => Math.floor(head / (heads / kvHeads));

/** The centroids of a routed head. */
function centroidsOf(
  { weights }: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
): readonly Float64Array[] {
  const centroids = weights['centroids']!;
  const at = head - localHeads(shape, parameters);
  const [, clusters, width] = centroids.shape as readonly [number, number, number];
  return integers(0, clusters).map((c) =>
    centroids.data.slice((at * clusters + c) * width, (at * clusters + c + 1) * width),
  );
}

/** The centroids of every routed head after `fit` steps of online k-means on the rows that it assigns, of all sequences. */
export function fittedCentroids(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
): Readonly<Record<string, Tensor>> {
  if (parameters.fit === 0) return {};
  const sequences = integers(0, shape.batch).map((b) => sequenceInputs(inputs, b));
  const means = integers(localHeads(shape, parameters), shape.heads).flatMap((head) => {
    const keys = sequences.flatMap(({ key }) => rowsOf(key, kvHeadOf(shape, head), parameters));
    // Shared queries and keys are assigned once; others both take part.
    const queries = sharesKeys(shape, parameters)
      ? []
      : sequences.flatMap(({ query }) => rowsOf(query, head, parameters));
    const rows = integers(0, Math.max(queries.length, keys.length)).flatMap((i) => [queries[i], keys[i]]);
    const present = rows.filter((row) => row !== undefined);
    return fitCentroids(centroidsOf(inputs, shape, parameters, head), present, parameters.fit);
  });
  const centroids = inputs.weights['centroids']!;
  return { centroids: tensor(centroids.shape, Float64Array.from(means.flatMap((mean) => [...mean]))) };
}

/** [1, heads, positions, d] of the heads listed, as they are clustered and compared. */
export function clusteredRows(x: Tensor, heads: readonly number[], parameters: RoutingParameters): Tensor {
  const rows = heads.flatMap((head) => rowsOf(x, head, parameters));
  return tensor([1, heads.length, x.shape[2]!, x.shape[3]!], Float64Array.from(rows.flatMap((row) => [...row])));
}

/** Products of the keys of one query head of the first sequence with its centroids, [positions][clusters]. */
export const keySimilarities = (
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
): readonly (readonly number[])[] =>
  similarities(rowsOf(inputs.key, kvHeadOf(shape, head), parameters), centroidsOf(inputs, shape, parameters, head));

/** As `keySimilarities`, of its queries. */
export const querySimilarities = (
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
): readonly (readonly number[])[] =>
  similarities(rowsOf(inputs.query, head, parameters), centroidsOf(inputs, shape, parameters, head));

export interface Clusters {
  /** For each cluster the queries that it takes, ascending; where queries and keys are shared, those at the same positions. */
  readonly queries: readonly (readonly number[])[];
  readonly keys: readonly (readonly number[])[];
}

/** The balanced clusters of one head of the first sequence: the queries and keys nearest to each centroid. */
export function publishedClusters(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
): Clusters {
  const { clusters } = parameters;
  const keys = topWindow(keySimilarities(inputs, shape, parameters, head), clusters, windowOf(shape.keys, parameters));
  if (sharesKeys(shape, parameters)) {
    const offset = queryOffset(shape);
    const here = keys.map((list) => list.map((key) => key - offset).filter((query) => query >= 0));
    return { queries: here, keys };
  }
  const scores = querySimilarities(inputs, shape, parameters, head);
  return { queries: topWindow(scores, clusters, windowOf(shape.queries, parameters)), keys };
}

/** Balanced clusters: whether some cluster has both, the key not after the query where attention is causal. */
function clusterReads({ queries, keys }: Clusters, shape: AttentionShape): (query: number, key: number) => boolean {
  const [readers, members] = [queries, keys].map((lists) => lists.map((list) => new Set(list)));
  const allowed = notLater(shape);
  return (query, key) =>
    allowed(query, key) && readers!.some((own, cluster) => own.has(query) && members![cluster]!.has(key));
}

const notLater = (shape: AttentionShape): ((query: number, key: number) => boolean) =>
  isCausalSelf(shape) ? (query, key) => key <= query + queryOffset(shape) : () => true;

/** Own cluster: its last `window` members up to the query, itself included, for a head of one sequence. */
function ownClusterReads(
  part: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
): (query: number, key: number) => boolean {
  const offset = queryOffset(shape);
  const window = windowOf(shape.keys, parameters);
  const seen = new Map<number, number>();
  const places = nearest(keySimilarities(part, shape, parameters, head)).map((cluster) => {
    const rank = seen.get(cluster) ?? 0;
    seen.set(cluster, rank + 1);
    return { cluster, rank };
  });
  return (query, key) => {
    const [at, other] = [places[query + offset], places[key]!];
    return key <= query + offset && at?.cluster === other.cluster && at.rank - other.rank < window;
  };
}

/** Which keys a query head of the first sequence reads. */
export function routedChoice(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
): (query: number, key: number) => boolean {
  const near = localReads(shape, parameters);
  if (head < localHeads(shape, parameters)) return near;
  const part = sequenceInputs(inputs, 0);
  if (ownClusterOnly(shape, parameters)) return ownClusterReads(part, shape, parameters, head);
  const clusters = publishedClusters(part, shape, parameters, head);
  const reads = clusterReads(clusters, shape);
  if (parameters.uncovered === 'zero') return reads;
  const covered = integers(0, shape.queries).map((query) => countOf(clusters, shape, query) > 0);
  const offset = queryOffset(shape);
  return (query, key) => {
    if (covered[query]) return reads(query, key);
    return parameters.uncovered === 'local' ? near(query, key) : key === query + offset;
  };
}

/** Clusters that have the query and a key that it may read. */
function countOf({ queries, keys }: Clusters, shape: AttentionShape, query: number): number {
  const allowed = notLater(shape);
  return queries.filter((list, c) => list.includes(query) && keys[c]!.some((key) => allowed(query, key))).length;
}

/** o of the queries `rows` of all heads, [b, h, rows, dv]. */
export function routedRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  rows: readonly number[],
): Tensor {
  const { batch, heads, valueDim } = shape;
  const output = zeros([batch, heads, rows.length, valueDim]);
  for (let b = 0; b < batch; b++) {
    const part = sequenceInputs(inputs, b);
    for (let head = 0; head < heads; head++) {
      const result = headRows(part, { ...shape, batch: 1 }, parameters, head, rows);
      output.data.set(result.data, (b * heads + head) * rows.length * valueDim);
    }
  }
  return output;
}

/** One head of one sequence, [1, 1, rows, dv]. */
function headRows(
  part: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  head: number,
  rows: readonly number[],
): Tensor {
  const single = { ...shape, heads: 1, kvHeads: 1 };
  const kvHead = kvHeadOf(shape, head);
  const plain = {
    query: headOf(part.query, head),
    key: headOf(part.key, kvHead),
    value: headOf(part.value, kvHead),
    weights: {},
  };
  const near = localReads(shape, parameters);
  const local = (asked: readonly number[]) =>
    softmaxRows(plain, single, asked, { reads: (_head, query, key) => near(query, key) });
  if (head < localHeads(shape, parameters)) return local(rows);

  const key = clusteredRows(plain.key, [0], parameters);
  const query = sharesKeys(shape, parameters) ? atQueries(key, shape) : clusteredRows(plain.query, [0], parameters);
  const own = { ...plain, query, key };
  if (ownClusterOnly(shape, parameters)) {
    const reads = ownClusterReads(part, shape, parameters, head);
    return softmaxRows(own, single, rows, { reads: (_head, i, j) => reads(i, j) });
  }

  const { valueDim } = shape;
  const output = zeros([1, 1, rows.length, valueDim]);
  const clusters = publishedClusters(part, shape, parameters, head);
  const allowed = notLater(shape);
  clusters.keys.forEach((list, c) => {
    const [members, readers] = [new Set(list), new Set(clusters.queries[c])];
    const at = integers(0, rows.length).filter((r) => readers.has(rows[r]!));
    const result = softmaxRows(
      own,
      single,
      at.map((r) => rows[r]!),
      { reads: (_head, i, j) => members.has(j) && allowed(i, j) },
    );
    at.forEach((r, place) => {
      for (let x = 0; x < valueDim; x++) output.data[r * valueDim + x]! += result.data[place * valueDim + x]!;
    });
  });
  rows.forEach((row, r) => {
    const count = countOf(clusters, shape, row);
    const position = row + queryOffset(shape);
    for (let x = 0; x < valueDim; x++) output.data[r * valueDim + x]! /= Math.max(count, 1);
    if (count > 0 || position < 0 || parameters.uncovered === 'zero') return;
    const instead =
      parameters.uncovered === 'local'
        ? local([row]).data
        : plain.value.data.subarray(position * valueDim, (position + 1) * valueDim);
    output.data.set(instead, r * valueDim);
  });
  return output;
}

function headOf(x: Tensor, head: number): Tensor {
  const [, , length, width] = x.shape as readonly [number, number, number, number];
  return tensor([1, 1, length, width], x.data.slice(head * length * width, (head + 1) * length * width));
}

/** The rows of the keys at the positions of the queries; queries before the first key have zeros. */
function atQueries(key: Tensor, shape: AttentionShape): Tensor {
  const { queries, headDim } = shape;
  const offset = queryOffset(shape);
  const query = zeros([1, 1, queries, headDim]);
  const first = Math.max(0, -offset);
  query.data.set(key.data.subarray((first + offset) * headDim), first * headDim);
  return query;
}
