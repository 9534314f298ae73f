import { pairFlops, tensorBytes } from '../../cost/attention';
import { attentionGraph } from '../../graph/attention-graph';
import type { AttentionInputs, Mechanism } from '../../mechanism';
import { sequenceInputs } from '../../reference/batches';
import { denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { nearest, normalised, similarities, topWindow, type RoutingParameters } from './clusters';
import { balanced, banded, bandTiles } from './kernel';

export const routingTransformer: Mechanism<RoutingParameters> = {
  id: 'routing-transformer',
  title: 'Routing Transformer',
  family: 'sparse',
  summary:
    'Queries and keys are brought to one sphere and gathered around centroids; attention runs inside a cluster. With about the root of n clusters the cost is n^1.5; what belongs together is read wherever it stands.',
  source: {
    reference: 'arXiv:2003.05997, section 4; code google-research/routing_transformer (utils.py)',
    trust: 'high',
    note: 'Non-causal as published: the nearest queries and keys of each centroid, an average over several clusters, zeros in none. In causal attention that choice would depend on later positions; ours is the last members of a position’s own (nearest) cluster, itself included, with shared queries and keys as in the paper: the kernel reads the key input for both. Centroids are drawn, not fitted.',
  },
  template: {
    projected: 'queries and keys brought to one sphere, their nearest centroid',
    scores: 'q·k / √d of the normalised',
    positions: { words: 'members of the own cluster', chosen: 'by data' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of all positions, by cluster', grows: true },
    sharded: {
      heads: 'nothing; centroids go with their head',
      headsIndependent: true,
      sequence: 'keys and values of the members of each cluster, which may stand anywhere',
    },
  },
  parameters: {
    clusters: {
      kind: 'integer',
      title: 'Clusters',
      description: 'Centroids of a head.',
      min: 1,
      max: 4096,
      default: 16,
    },
    window: {
      kind: 'integer',
      title: 'Window',
      description: 'Members that a cluster takes; causal: keys of its cluster that a position reads, its own included.',
      min: 1,
      max: 1 << 20,
      default: 256,
    },
  },
  layout: 'heads-first',
  exponent: 1,
  supports: ({ pattern }) =>
    pattern === 'causal-cross'
      ? {
          ok: false,
          why: 'Clusters take the nearest queries of the whole sequence: an output would depend on later queries.',
        }
      : { ok: true },
  weights: ({ heads, headDim }, { clusters }) => [
    { name: 'centroids', shape: [heads, clusters, headDim], initial: { kind: 'normal', deviation: 1 } },
  ],
  reference: (inputs, shape, parameters) => referenceRows(inputs, shape, parameters, allRows(shape)),
  referenceRows,
  build: (full, parameters, precision) =>
    attentionGraph('routing-transformer', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const centroids = builder.input('centroids', precision, [shape.heads, parameters.clusters, shape.headDim]);
      return isCausalSelf(shape)
        ? banded(key, value, centroids, shape, parameters)
        : balanced(query, key, value, centroids, shape, parameters);
    }),
  cost(shape, { clusters, window }) {
    const { batch, heads, queries, keys, headDim, valueDim } = shape;
    const per = batch * heads;
    const causal = isCausalSelf(shape);
    const scored = causal ? keys : queries + keys;
    const routing = per * scored * (2 * clusters * headDim + 5 * headDim + Math.ceil(Math.log2(Math.max(2, window))));
    const [mine, theirs] = [Math.min(window, queries), Math.min(window, keys)];
    const pairs = causal
      ? bandTiles(keys, window).reduce((sum, { start, end, from }) => sum + (end - start) * (end - from), 0)
      : clusters * mine * theirs;
    const rows = causal ? keys : clusters * (mine + theirs);
    const gathered = 4 * per * rows * (2 * headDim + 2 * valueDim);
    return {
      // Causal: a column for each cluster joins the scores, so that they need no mask by cluster.
      flops: pairFlops(shape, pairs) + routing + (causal ? 2 * per * pairs * clusters : 0),
      bytes: tensorBytes(shape) + 2 * gathered + 8 * per * scored * clusters + (causal ? 16 * per * pairs : 0),
      peakBytes: tensorBytes(shape) + gathered + 8 * per * scored * clusters,
    };
  },
  pattern: (shape) => ({ dependsOnData: true, reads: denseReads(shape) }),
  chosen(inputs, shape, parameters, head) {
    const part = sequenceInputs(inputs, 0);
    if (isCausalSelf(shape)) return causalReads(part, shape, parameters, head);
    const { queries, keys } = publishedClusters(part, shape, parameters, head);
    const [readers, members] = [queries, keys].map((lists) => lists.map((list) => new Set(list)));
    return (query, key) => readers!.some((own, cluster) => own.has(query) && members![cluster]!.has(key));
  },
  // Rows of length sqrt(d) take the place of queries and keys.
  tolerance: (inputs, shape, _parameters, precision) => {
    const unit = precision === 'float16' ? 2 ** -11 : 2 ** -24;
    const most = inputs.value.data.reduce((all, x) => (Math.abs(x) > all ? Math.abs(x) : all), 0);
    return most * Math.min(2, 16 * unit * Math.sqrt(shape.headDim) + (Math.sqrt(shape.keys) + 16) * unit) * 2;
  },
  limits: [],
};

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

const normalisedTensor = (x: Tensor): Tensor => {
  const heads = Array.from({ length: x.shape[1]! }, (_, h) => rowsOf(x, h)).flat();
  return tensor(x.shape, Float64Array.from(heads.flatMap((row) => [...row])));
};

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
  const kvHead = Math.floor(head / (shape.heads / shape.kvHeads));
  const seen = new Map<number, number>();
  const places = nearest(similarities(rowsOf(part.key, kvHead), centroidsOf(part, head))).map((cluster) => {
    const rank = seen.get(cluster) ?? 0;
    seen.set(cluster, rank + 1);
    return { cluster, rank };
  });
  return (query, key) => {
    const [at, other] = [places[query + offset], places[key]!];
    return key <= query + offset && at?.cluster === other.cluster && at.rank - other.rank < window;
  };
}

function referenceRows(
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
