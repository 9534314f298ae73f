import { attentionGraph } from '../../graph/attention-graph';
import { attendByClass } from '../../graph/head-classes';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import { isCausalSelf } from '../../shape';
import { balanced } from './balanced';
import { banded } from './banded';
import { routingCost } from './cost';
import { routingDecoding } from './decode';
import { fittedCentroids, routedChoice, routedRows } from './definition';
import { localAttention } from './local';
import { headGroups, localHeads, localReads, ownClusterOnly, windowOf, type RoutingParameters } from './rule';
import * as field from '../../parameters';

export const routingTransformer: Mechanism<RoutingParameters> = {
  id: 'routing-transformer',
  title: 'Routing Transformer',
  family: 'sparse',
  summary:
    'Some heads gather what belongs together around centroids, wherever it stands, and attend inside these clusters; the other heads read their own block and the one before. With about the root of n clusters the cost of a routed head is n^1.5.',
  source: {
    reference:
      'arXiv:2003.05997, section 4; code google-research/routing_transformer (utils.py, sparse_transformer.py)',
    trust: 'high',
    note: 'Each centroid takes the nearest n / C queries and keys; inside a cluster a key is read where it stands before the query (the release compares ranks, which is the same where queries and keys are shared). An output is the mean over the clusters of its query, divided by their number without the 0.01 that the release adds. Shared queries and keys: the key input is read for both. Relative position terms are left out, and local heads come first. Own cluster is ours: the last members of a position’s nearest cluster, which depend on earlier positions alone. Centroids are drawn, then fitted by online k-means if asked.',
  },
  template: {
    projected: 'queries and keys brought to one sphere, their nearest centroid',
    scores: 'q·k / √d of the normalised',
    positions: { words: 'members of the same cluster; local heads: two blocks', chosen: 'by data' },
    normaliser: { words: 'softmax in each cluster, their mean; zeros in none', averagesValues: false },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of all positions, by cluster; local heads: of two blocks', grows: true },
    sharded: {
      heads: 'nothing; centroids go with their head',
      headsIndependent: true,
      sequence: 'keys and values of the members of each cluster, which may stand anywhere',
    },
  },
  parameters: {
    clusters: field.integer(
      'Clusters',
      'Centroids of a routed head: 8 for 4,096 positions in the release, about the root of n in the paper.',
      { min: 1, max: 4096, default: 16 },
    ),
    window: field.integer(
      'Window',
      'Members that a cluster takes; 0: length / clusters, so that a position is in one cluster on average.',
      { min: 0, max: 1 << 20, default: 0 },
    ),
    membership: field.choice(
      'Membership',
      'Causal attention. balanced, as published: the nearest positions of the whole sequence, later ones among them. own cluster: the last members of the nearest cluster.',
      { options: ['balanced', 'own cluster'], default: 'balanced' },
    ),
    shared: field.flag(
      'Shared queries and keys',
      'Causal attention: routed heads read the key input for both, as in the published decoders.',
      true,
    ),
    normalise: field.flag(
      'Normalise',
      'Layer norm of queries and keys of routed heads, without gain and offset.',
      true,
    ),
    uncovered: field.choice(
      'Uncovered',
      'What a query in no cluster gives: zero as published, its own value, or local attention in the blocks of the local heads.',
      { options: ['zero', 'self', 'local'], default: 'zero' },
    ),
    localShare: field.number(
      'Local share',
      'Share of the key/value heads that attend locally, rounded down, the first ones: half for WikiText-103, three quarters for PG-19. None in cross attention.',
      { min: 0, max: 0.99, default: 0.5 },
    ),
    localBlock: field.integer(
      'Local block',
      'Positions of a block; a local head reads its own and the one before, without a direction the next too.',
      { min: 1, max: 1 << 20, default: 256 },
    ),
    fit: field.integer(
      'Steps of k-means',
      'Steps of online k-means by which the drawn centroids learn from the inputs before the run: 1,024 positions a step, decay 0.9. Its time is not measured.',
      { min: 0, max: 1000, default: 0 },
    ),
  },
  layout: 'heads-first',
  // A fixed number of clusters of n / C members; with the root of n clusters 1.5.
  exponent: 2,
  supports(shape, parameters) {
    const { pattern, queries, keys } = shape;
    if (pattern === 'causal-cross') {
      return {
        ok: false,
        why: 'Clusters take the nearest queries of the whole sequence: an output would depend on later queries.',
      };
    }
    if (pattern === 'causal-self' && !parameters.shared) {
      if (parameters.membership === 'own cluster') {
        return { ok: false, why: 'The own cluster is that of a key: it needs shared queries and keys.' };
      }
      if (queries !== keys) {
        return {
          ok: false,
          why: `Each cluster chooses among all queries: with ${queries} queries on ${keys} keys the others are unknown.`,
        };
      }
    }
    const needsPlace = parameters.uncovered !== 'zero' || headGroups(shape, parameters).local.length > 0;
    if (pattern === 'noncausal-self' && queries > keys && needsPlace) {
      return {
        ok: false,
        why: `Local heads need a key at each query's position: ${queries} queries have ${keys} keys.`,
      };
    }
    if (pattern === 'noncausal-cross' && parameters.uncovered !== 'zero') {
      return { ok: false, why: 'In cross attention a query has no key of its own and none near it: take zero.' };
    }
    return { ok: true };
  },
  weights: (shape, parameters) => [
    {
      name: 'centroids',
      shape: [shape.heads - localHeads(shape, parameters), parameters.clusters, shape.headDim],
      initial: { kind: 'normal', deviation: 1 },
    },
  ],
  fit: fittedCentroids,
  reference: (inputs, shape, parameters) => routedRows(inputs, shape, parameters, allRows(shape)),
  referenceRows: routedRows,
  build: (full, parameters, precision) =>
    attentionGraph('routing-transformer', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const { routed, local } = headGroups(shape, parameters);
      const centroids = builder.input('centroids', precision, [
        shape.heads - localHeads(shape, parameters),
        parameters.clusters,
        shape.headDim,
      ]);
      const route = {
        heads: routed,
        attend: (q: typeof query, k: typeof key, v: typeof value, own: typeof shape) =>
          ownClusterOnly(shape, parameters)
            ? banded(k, v, centroids, own, parameters)
            : balanced(q, k, v, centroids, own, parameters),
      };
      const near = {
        heads: local,
        attend: (q: typeof query, k: typeof key, v: typeof value, own: typeof shape) =>
          localAttention(q, k, v, own, parameters),
      };
      return attendByClass(query, key, value, shape, local.length > 0 ? [near, route] : [route]);
    }),
  cost: routingCost,
  pattern(shape, parameters) {
    const near = localReads(shape, parameters);
    const all = denseReads(shape);
    const first = localHeads(shape, parameters);
    const balancedCausal = isCausalSelf(shape) && !ownClusterOnly(shape, parameters);
    return {
      dependsOnData: true,
      ...(balancedCausal && windowOf(shape.keys, parameters) < shape.keys ? { dependsOnFuture: true } : {}),
      ...(isCausalSelf(shape) && parameters.window === 0 ? { dependsOnLength: true } : {}),
      reads: (head, query, key) => (head < first ? near(query, key) : all(head, query, key)),
    };
  },
  chosen: routedChoice,
  decode: routingDecoding,
  limits: [
    {
      name: 'clusters of everything, as they are, and no local head',
      parameters: (shape) => ({
        clusters: 2,
        window: Math.max(shape.queries, shape.keys),
        shared: false,
        normalise: false,
        localShare: 0,
      }),
      equals: 'scaled-dot-product',
    },
  ],
};
