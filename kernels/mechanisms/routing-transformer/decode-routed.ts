/** One step of the routed heads: `shape` counts these heads alone, and one new position on the keys before it. */
import { pairFlops, tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { attendLists, type KeyList } from '../../graph/attention-step';
import { add, cast, divide, equal, greater, maximum, multiply, where } from '../../graph/operators/elementwise';
import { concat, filled, gather, gatherRange, reshape, scatterElements, slice } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { argMax, reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { lowest } from '../../graph/types';
import type { AttentionShape } from '../../shape';
import { clustered, firstRows, indices, scoresOf } from './rows';
import { ownClusterOnly, sharesKeys, windowOf, type RoutingParameters } from './rule';
import type { StateTensor } from '../../graph/cache-state';

export interface StepValues {
  /** [b, h, 1, d] */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly centroids: Value;
}

export interface Step {
  readonly output: Value;
  /** The row that each state appends. */
  readonly next: Readonly<Record<string, Value>>;
}

export function routedStates(shape: AttentionShape, parameters: RoutingParameters): readonly StateTensor[] {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const scores = { shape: [batch, heads, parameters.clusters, keys - 1], grows: 3 };
  const chosen: readonly StateTensor[] = ownClusterOnly(shape, parameters)
    ? [{ name: 'cluster', shape: [batch, heads, keys - 1], grows: 2 }]
    : [{ name: 'score', ...scores }, ...(sharesKeys(shape, parameters) ? [] : [{ name: 'query.score', ...scores }])];
  return [
    { name: 'past.key', shape: [batch, kvHeads, keys - 1, headDim], grows: 2 },
    { name: 'past.value', shape: [batch, kvHeads, keys - 1, valueDim], grows: 2 },
    ...chosen,
  ];
}

/** One row for each query head of those of the key/value heads. */
const ofQueryHeads = (x: Value, { heads, kvHeads }: AttentionShape): Value =>
  heads === kvHeads
    ? x
    : gather(
        x,
        indices(x, [heads], (head) => Math.floor(head / (heads / kvHeads))),
        1,
      );

/** Members of the own cluster that are copied: the new position is read besides. */
const copiedMembers = ({ keys }: AttentionShape, parameters: RoutingParameters): number =>
  Math.min(windowOf(keys, parameters) - 1, keys - 1);

export function ownClusterStep(
  { key, value, centroids }: StepValues,
  states: ReadonlyMap<string, Value>,
  shape: AttentionShape,
  parameters: RoutingParameters,
): Step {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const past = keys - 1;
  const row = clustered(key, parameters);
  const own = cast(argMax(scoresOf(row, centroids, shape), 2), row.type); // [b, h, 1]
  const query = ofQueryHeads(row, shape);
  const lists: KeyList[] = [{ keys: query, values: ofQueryHeads(value, shape) }];
  const members = copiedMembers(shape, parameters);
  if (members > 0) {
    const none = row.graph.constant('int64', [], [-1]);
    const places = where(
      equal(states.get('cluster')!, own),
      indices(row, [past], (at) => at),
      none,
    );
    const [latest, positions] = topK(places, members, 2); // the last members; after them whatever is none
    const rows = add(reshape(positions, [batch * heads, members]), firstRows(row, shape, kvHeads, past));
    const copy = (x: Value, width: number) =>
      reshape(gather(reshape(x, [batch * kvHeads * past, width]), rows), [batch, heads, members, width]);
    const bias = multiply(cast(equal(latest, none), row.type), lowest(row));
    lists.push({
      keys: copy(states.get('past.key')!, headDim),
      values: copy(states.get('past.value')!, valueDim),
      bias: reshape(bias, [batch, heads, 1, members]),
    });
  }
  return {
    output: attendLists(query, lists, headDim ** -0.5),
    next: { 'past.key': row, 'past.value': value, cluster: own },
  };
}

/**
 * flops = b h (members (2 d + 2 e + 5) + 2 C d) and the sort of the positions; bytes = b h (12 (d + e) for each member, 37 for
 * each position whose cluster is compared: 4 + 1 for that, 1 + 16 to place it, 8 to sort), and the centroids.
 */
export function ownClusterStepCost(shape: AttentionShape, parameters: RoutingParameters): Cost {
  const { batch, heads, keys, headDim, valueDim } = shape;
  const members = copiedMembers(shape, parameters);
  const perHead = batch * heads;
  const centroids = heads * parameters.clusters * headDim;
  return {
    flops: pairFlops(shape, members + 1) + 2 * batch * centroids + 2 * perHead * keys,
    bytes:
      perHead * (12 * members * (headDim + valueDim) + 64 * members + 30 * keys + 24 * (headDim + valueDim)) +
      4 * centroids,
    peakBytes: tensorBytes(shape) + perHead * (4 * members * (headDim + valueDim) + 20 * keys) + 4 * centroids,
  };
}

/**
 * The lists of the clusters over all positions so far. One row of scores serves every cluster: each adds its own mask, and the
 * weights of the clusters that have the new position are averaged before they meet the values.
 */
export function balancedStep(
  { query, key, value, centroids }: StepValues,
  states: ReadonlyMap<string, Value>,
  shape: AttentionShape,
  parameters: RoutingParameters,
  near: Value | undefined,
): Step {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const shared = sharesKeys(shape, parameters);
  const window = windowOf(keys, parameters);
  const row = clustered(key, parameters);
  const asking = shared ? ofQueryHeads(row, shape) : clustered(query, parameters);
  /** [b, h, C, m]: 0 at the members of each cluster, a large negative number elsewhere. */
  const membersOf = (scores: Value): Value => {
    const [, chosen] = topK(scores, window, 3);
    const none = filled(scores, [batch, heads, parameters.clusters, keys], lowest(scores));
    return scatterElements(none, chosen, filled(scores, [batch, heads, parameters.clusters, window], 0), 3);
  };
  const added = scoresOf(row, centroids, shape);
  const keyMembers = membersOf(concat([states.get('score')!, added], 3));
  const addedQuery = shared ? undefined : scoresOf(asking, centroids, shape);
  const queryMembers = addedQuery ? membersOf(concat([states.get('query.score')!, addedQuery], 3)) : keyMembers;
  const inCluster = cast(equal(slice(queryMembers, 3, keys - 1), filled(row, [], 0)), row.type); // [b, h, C, 1]
  const count = reduceSum(inCluster, [2]); // [b, h, 1, 1]

  const grouped = reshape(asking, [batch, kvHeads, group, headDim]);
  const product = (rows: Value) => fusedMatmul(grouped, rows, { transposeB: true, scale: headDim ** -0.5 });
  const scores = reshape(concat([product(states.get('past.key')!), product(row)], 3), [batch, heads, 1, keys]);
  const weights = softmax(add(keyMembers, scores)); // [b, h, C, m]
  const shares = fusedMatmul(divide(inCluster, maximum(count, 1)), weights, { transposeA: true }); // [b, h, 1, m]
  const byGroup = reshape(shares, [batch, kvHeads, group, keys]);
  const output = reshape(
    add(
      matmul(gatherRange(byGroup, 3, 0, keys - 1), states.get('past.value')!),
      matmul(slice(byGroup, 3, keys - 1), value),
    ),
    [batch, heads, 1, valueDim],
  );
  const instead = parameters.uncovered === 'self' ? ofQueryHeads(value, shape) : near;
  return {
    output: instead ? where(greater(count, 0), output, instead) : output,
    next: {
      'past.key': row,
      'past.value': value,
      score: added,
      ...(addedQuery ? { 'query.score': addedQuery } : {}),
    },
  };
}

/**
 * flops = as plain attention to all keys + b h C m (mask, softmax, average: 8; the choice: log2 w) + 2 C d for the centroids;
 * bytes = keys and values once; 44 for each of the C m numbers of a head (joined 8, chosen 4, mask made, copied and added 20,
 * softmax 8, average 4), 24 more where queries have lists of their own.
 */
export function balancedStepCost(shape: AttentionShape, parameters: RoutingParameters): Cost {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const { clusters } = parameters;
  const lists = sharesKeys(shape, parameters) ? 1 : 2;
  const entries = batch * heads * clusters * keys;
  const rows = 4 * batch * kvHeads * keys * (headDim + valueDim);
  const centroids = 4 * heads * clusters * headDim;
  return {
    flops:
      pairFlops(shape, keys) +
      entries * (8 + lists * Math.log2(Math.max(2, windowOf(keys, parameters)))) +
      2 * lists * batch * heads * clusters * headDim,
    bytes: rows + entries * (20 + 24 * lists) + 24 * batch * heads * keys + lists * centroids,
    peakBytes: rows + entries * (8 + 8 * lists) + lists * centroids,
  };
}
