/**
 * Differential attention (arXiv:2410.05258) in DiffLlama's form: heads i and i + h/2 make a pair, whose values are those of both side by
 * side, and of whose outputs the second is subtracted from the first by a learned factor lambda; the difference is normed without weights.
 *
 * Keys and queries of d numbers are filled up with zeros to the 2 d of the values, so that heads have one width in caches and taps.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, exponential, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../kernels/graph/operators/layout';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import { linear, norm } from './layers';
import type { AttentionSpec, DifferentialSpec } from './attention-spec';
import { ModelError } from './model-spec';
import type { Linear } from './weights-spec';
import { weight, type StoredWeights } from './stored-weights';

/** Queries [..., h, 2 d] and keys [..., g, 2 d], the second half of each nothing, and the values [..., g, 2 d] of pairs. */
export function pairedHeads(
  graph: GraphBuilder,
  { heads, kvHeads, headDim }: Pick<AttentionSpec, 'heads' | 'kvHeads' | 'headDim'>,
  maps: { readonly query: Linear; readonly key: Linear; readonly value: Linear },
  weights: StoredWeights,
  x: Value,
): { readonly query: Value; readonly key: Value; readonly value: Value } {
  const rows = x.shape.slice(0, -1);
  const split = (map: Linear, count: number): Value =>
    reshape(linear(graph, weights, map, x), [...rows, count, headDim / 2]);
  const filled = (y: Value): Value => concat([y, multiply(y, 0)], -1);
  const value = split(maps.value, kvHeads);
  const half = kvHeads / 2;
  const pairs = concat([slice(value, -2, 0, half), slice(value, -2, half)], -1);
  return {
    query: filled(split(maps.query, heads)),
    key: filled(split(maps.key, kvHeads)),
    value: concat([pairs, pairs], -2),
  };
}

/** What the output projection reads, [..., n, h d], of the outputs of the heads, [..., n, h 2 d]. */
export function differences(
  graph: GraphBuilder,
  { heads, headDim }: Pick<AttentionSpec, 'heads' | 'headDim'>,
  { query, key, initial, epsilon }: DifferentialSpec,
  weights: StoredWeights,
  joined: Value,
): Value {
  const rows = joined.shape.slice(0, -1);
  const byHead = reshape(joined, [...rows, heads, headDim]);
  const product = (at: 0 | 1): Value => {
    const [one, other] = [query[at], key[at]].map((name) => weight(graph, weights, name, [headDim / 2])) as [
      Value,
      Value,
    ];
    return exponential(reduceSum(multiply(one, other), [0], false));
  };
  const factor = add(subtract(product(0), product(1)), initial);
  const difference = subtract(slice(byHead, -2, 0, heads / 2), multiply(slice(byHead, -2, heads / 2), factor));
  const normed = norm(graph, weights, { kind: 'rms', size: headDim, epsilon }, difference);
  return reshape(multiply(normed, 1 - initial), [...rows, (heads / 2) * headDim]);
}

/** Throws where what a head adds to the stream is no linear map of its output. */
export function requireOwnOutputs({ differential }: AttentionSpec): void {
  if (differential)
    throw new ModelError(
      'The model subtracts one head of a pair from the other and norms the difference, so what a head adds is not known by itself. Choose another model.',
    );
}
