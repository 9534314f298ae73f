import { pairFlops, tensorBytes } from '../../cost/attention';
import { attentionGraph } from '../../graph/attention-graph';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import { isCausalSelf } from '../../shape';
import type { RoutingParameters } from './clusters';
import { routingDecoding } from './decode';
import { fittedCentroids, routedChoice, routedRows } from './definition';
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
    note: 'Non-causal as published: the nearest queries and keys of each centroid, an average over several clusters, zeros in none. In causal attention that choice would depend on later positions; ours is the last members of a position’s own (nearest) cluster, itself included, with shared queries and keys as in the paper: the kernel reads the key input for both. Centroids are drawn, then fitted by online k-means if asked.',
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
    fit: {
      kind: 'integer',
      title: 'Steps of k-means',
      description:
        'Steps of online k-means by which the drawn centroids learn from the inputs before the run: 1,024 positions a step, decay 0.9. Its time is not measured.',
      min: 0,
      max: 1000,
      default: 0,
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
  fit: fittedCentroids,
  reference: (inputs, shape, parameters) => routedRows(inputs, shape, parameters, allRows(shape)),
  referenceRows: routedRows,
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
  chosen: routedChoice,
  decode: routingDecoding,
  limits: [],
};
