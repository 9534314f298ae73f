/** Routed attention in float64, straight from the definition. */
import type { AttentionInputs } from '../../mechanism';
import { integers } from '../../integers';
import { sequenceInputs } from '../../reference/batches';
import { softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { fitCentroids, nearest, normalised, similarities, topWindow, type RoutingParameters } from './clusters';

/** Rows of a head, on the sphere. */
const rowsOf = (x: Tensor, head: number): readonly Float64Array[] => {
  const [, , length, width] = x.shape as readonly [number, number, number, number];
  return Array.from({ length }, (_, i) => normalised(x.data, (head * length + i) * width, width));
};

function centroidsOf({ weights }: AttentionInputs, head: number): readonly Float64Array[] {
  const centroids = weights['centroids']!;
  const [, clusters, width] = centroids.shape as readonly [number, number, number];
  return Array.from({ length: clusters }, (_, c) =>
    centroids.data.slice((head * clusters + c) * width, (head * clusters + c + 1) * width),
  );
}

/** The centroids of every head after `fit` steps of online k-means on the rows that it assigns, those of all sequences. */
export function fittedCentroids(
  inputs: AttentionInputs,
  shape: AttentionShape,
  { fit }: RoutingParameters,
): Readonly<Record<string, Tensor>> {
  if (fit === 0) return {};
  const sequences = integers(0, shape.batch).map((b) => sequenceInputs(inputs, b));
  const means = integers(0, shape.heads).flatMap((head) => {
    const keys = sequences.flatMap(({ key }) => rowsOf(key, Math.floor(head / (shape.heads / shape.kvHeads))));
    // Shared queries and keys are assigned once; others both take part.
    const queries = isCausalSelf(shape) ? [] : sequences.flatMap(({ query }) => rowsOf(query, head));
    const rows = integers(0, Math.max(queries.length, keys.length)).flatMap((i) => [queries[i], keys[i]]);
    const present = rows.filter((row) => row !== undefined);
    return fitCentroids(centroidsOf(inputs, head), present, fit);
  });
  const centroids = inputs.weights['centroids']!;
  return { centroids: tensor(centroids.shape, Float64Array.from(means.flatMap((mean) => [...mean]))) };
}

export const normalisedTensor = (x: Tensor): Tensor => {
  const heads = Array.from({ length: x.shape[1]! }, (_, h) => rowsOf(x, h)).flat();
  return tensor(x.shape, Float64Array.from(heads.flatMap((row) => [...row])));
};

/** The cluster of every key for one query head of the first sequence. */
export const ownClusters = (inputs: AttentionInputs, shape: AttentionShape, head: number): readonly number[] =>
  nearest(
    similarities(rowsOf(inputs.key, Math.floor(head / (shape.heads / shape.kvHeads))), centroidsOf(inputs, head)),
  );

/** The clusters of one head as published: queries and keys of each. */
export function publishedClusters(
  inputs: AttentionInputs,
  shape: AttentionShape,
  { window }: RoutingParameters,
  head: number,
) {
  const centroids = centroidsOf(inputs, head);
  const kvHead = Math.floor(head / (shape.heads / shape.kvHeads));
  const of = (x: Tensor, at: number, length: number) =>
    topWindow(similarities(rowsOf(x, at), centroids), centroids.length, Math.min(window, length));
  return { queries: of(inputs.query, head, shape.queries), keys: of(inputs.key, kvHead, shape.keys) };
}

/** Causal: the last `window` members of a position's own cluster, itself included, for a head of one sequence. */
function causalReads(
  part: AttentionInputs,
  shape: AttentionShape,
  { window }: RoutingParameters,
  head: number,
): (query: number, key: number) => boolean {
  const offset = queryOffset(shape);
  const seen = new Map<number, number>();
  const places = ownClusters(part, shape, head).map((cluster) => {
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
  const part = sequenceInputs(inputs, 0);
  if (isCausalSelf(shape)) return causalReads(part, shape, parameters, head);
  const { queries, keys } = publishedClusters(part, shape, parameters, head);
  const [readers, members] = [queries, keys].map((lists) => lists.map((list) => new Set(list)));
  return (query, key) => readers!.some((own, cluster) => own.has(query) && members![cluster]!.has(key));
}

export function routedRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  rows: readonly number[],
): Tensor {
  const { batch, heads, kvHeads, queries, keys, valueDim } = shape;
  const output = zeros([batch, heads, rows.length, valueDim]);
  const one = { ...shape, batch: 1 };
  for (let b = 0; b < batch; b++) {
    const part = sequenceInputs(inputs, b);
    const result = isCausalSelf(shape) ? causalRows(part, one, rows) : publishedRows(part, one, parameters, rows);
    output.data.set(result.data, b * heads * rows.length * valueDim);
  }
  return output;

  function causalRows(part: AttentionInputs, own: AttentionShape, asked: readonly number[]) {
    const offset = queryOffset(own);
    const key = normalisedTensor(part.key);
    // The query of a position is its key; rows before the first key read nothing.
    const query = zeros([1, heads, queries, own.headDim]);
    const reads = Array.from({ length: heads }, (_, head) => {
      const kvHead = Math.floor(head / (heads / kvHeads));
      for (let i = Math.max(0, -offset); i < queries; i++) {
        const from = (kvHead * keys + i + offset) * own.headDim;
        query.data.set(key.data.subarray(from, from + own.headDim), (head * queries + i) * own.headDim);
      }
      return causalReads(part, own, parameters, head);
    });
    return softmaxRows({ ...part, query, key }, own, asked, { reads: (head, i, j) => reads[head]!(i, j) });
  }
}

function publishedRows(
  part: AttentionInputs,
  shape: AttentionShape,
  parameters: RoutingParameters,
  rows: readonly number[],
): Tensor {
  const { heads, kvHeads, valueDim } = shape;
  const output = zeros([1, heads, rows.length, valueDim]);
  const [query, key] = [normalisedTensor(part.query), normalisedTensor(part.key)];
  for (let head = 0; head < heads; head++) {
    const clusters = publishedClusters(part, shape, parameters, head);
    const kvHead = Math.floor(head / (heads / kvHeads));
    const single = { ...shape, heads: 1, kvHeads: 1 };
    const headOf = (x: Tensor, at: number): Tensor => {
      const size = x.shape[2]! * x.shape[3]!;
      return tensor([1, 1, x.shape[2]!, x.shape[3]!], x.data.slice(at * size, (at + 1) * size));
    };
    const own = {
      query: headOf(query, head),
      key: headOf(key, kvHead),
      value: headOf(part.value, kvHead),
      weights: {},
    };
    const counts = new Array<number>(rows.length).fill(0);
    clusters.keys.forEach((list, c) => {
      const [members, readers] = [new Set(list), new Set(clusters.queries[c])];
      const at = rows.map((_, r) => r).filter((r) => readers.has(rows[r]!));
      const result = softmaxRows(
        own,
        single,
        at.map((r) => rows[r]!),
        { reads: (_head, _i, j) => members.has(j) },
      );
      at.forEach((r, place) => {
        counts[r]!++;
        for (let x = 0; x < valueDim; x++) {
          output.data[(head * rows.length + r) * valueDim + x]! += result.data[place * valueDim + x]!;
        }
      });
    });
    counts.forEach((count, r) => {
      for (let x = 0; x < valueDim; x++) output.data[(head * rows.length + r) * valueDim + x]! /= Math.max(count, 1);
    });
  }
  return output;
}
