import { pairFlops, tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { shapeOfClass } from '../../graph/head-classes';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { tiled } from '../tiled';
import { bandTiles } from './banded';
import { clusterTiles } from './balanced';
import { localCost } from './local';
import { headGroups, ownClusterOnly, sharesKeys, windowOf, type RoutingParameters } from './rule';

/** Routed heads and local heads, each as they run. */
export function routingCost(full: AttentionShape, parameters: RoutingParameters): Cost {
  const shape = isCausalSelf(full) ? { ...full, queries: Math.min(full.queries, full.keys) } : full;
  const { routed, local } = headGroups(shape, parameters);
  const own = shapeOfClass(shape, routed);
  const parts = [
    ownClusterOnly(shape, parameters) ? bandedCost(own, parameters) : balancedCost(own, parameters),
    ...(local.length > 0 ? [localCost(shapeOfClass(shape, local), parameters)] : []),
    ...(parameters.uncovered === 'local' && !ownClusterOnly(shape, parameters) ? [localCost(own, parameters)] : []),
  ];
  const sum = (of: (cost: Cost) => number) => parts.reduce((total, each) => total + of(each), 0);
  return {
    flops: sum(({ flops }) => flops),
    bytes: sum(({ bytes }) => bytes),
    peakBytes: sum((each) => each.peakBytes),
  };
}

/** LN of a row (5 d), its products with the centroids (2 C d), and the choice of `window` of them (log2 for each product). */
const routingFlops = ({ batch, heads, headDim }: AttentionShape, scored: number, clusters: number, window: number) =>
  batch * heads * scored * (2 * clusters * headDim + 5 * headDim + clusters * Math.log2(Math.max(2, window)));

/**
 * Letters as in cost/attention.ts; C clusters of w members, r rows that are scored (keys, and queries where they are not shared).
 * flops = routing + the pairs inside clusters: C w^2, causal those of tiles of 256 rows; the sum over clusters, 2 C w e.
 * bytes = inputs and outputs, normalised rows, scores of centroids written, cleaned and sorted (20 C r), members copied and read
 * again, sums of outputs.
 */
function balancedCost(shape: AttentionShape, parameters: RoutingParameters): Cost {
  const { batch, heads, queries, keys, headDim, valueDim } = shape;
  const { clusters } = parameters;
  const shared = sharesKeys(shape, parameters);
  const asking = shared ? keys : queries;
  const [mine, theirs] = [windowOf(asking, parameters), windowOf(keys, parameters)];
  const scored = shared ? keys : queries + keys;
  const per = batch * heads;
  const tiles = clusterTiles(shape, clusters, theirs);
  const pairs = clusters * mine * theirs;
  const scores = { flops: pairFlops(shape, pairs), bytes: isCausalSelf(shape) ? 24 * per * pairs : 0 };
  const inside = shared ? tiled.cost(tiles.shape, tiles.tiles) : { ...scores, peakBytes: (2 * scores.bytes) / 6 };
  const gathered = 4 * per * clusters * (theirs * (headDim + valueDim) + (shared ? 0 : mine * headDim));
  const outputs = 4 * per * valueDim * (clusters * mine + asking);
  const centroidScores = 4 * per * scored * clusters;
  return {
    flops: inside.flops + routingFlops(shape, scored, clusters, theirs) + 2 * per * clusters * mine * valueDim,
    bytes: tensorBytes(shape) + 2 * gathered + inside.bytes + 5 * centroidScores + 4 * outputs,
    peakBytes: tensorBytes(shape) + gathered + inside.peakBytes + 2 * centroidScores + 2 * outputs,
  };
}

/** As balanced ones; a column for each cluster joins the scores, so that they need no mask by cluster. */
function bandedCost(shape: AttentionShape, parameters: RoutingParameters): Cost {
  const { batch, heads, keys, headDim, valueDim } = shape;
  const { clusters } = parameters;
  const window = windowOf(keys, parameters);
  const per = batch * heads;
  const pairs = bandTiles(keys, window).reduce((sum, { start, end, from }) => sum + (end - start) * (end - from), 0);
  const gathered = 4 * per * keys * (2 * headDim + 2 * valueDim);
  return {
    flops: pairFlops(shape, pairs) + routingFlops(shape, keys, clusters, 1) + 2 * per * pairs * clusters,
    bytes: tensorBytes(shape) + 2 * gathered + 8 * per * keys * clusters + 16 * per * pairs,
    peakBytes: tensorBytes(shape) + gathered + 8 * per * keys * clusters,
  };
}
