/** Queries, keys, values and outputs of latent attention in its absorbed form (LatentProjection of attention-spec.ts). */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { concat, reshape, slice, transpose } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { multiply } from '../../kernels/graph/operators/elementwise';
import { linear, norm } from './layers';
import type { LatentProjection } from './attention-spec';
import { weight, type StoredWeights } from './stored-weights';

/** x [..., n, w] to queries [..., n, h, d_r + r], and to the one key [..., n, 1, d_r + r], which is the value too; not rotated. */
export function latentHeads(
  graph: GraphBuilder,
  spec: LatentProjection,
  heads: number,
  weights: StoredWeights,
  x: Value,
  forKeys: Value = x,
): { readonly query: Value; readonly key: Value } {
  const { rank, rotary, plain } = spec;
  const rows = x.shape.slice(0, -1);
  const { queryDown, queryNorm, latentNorm } = spec;
  const narrow = queryDown ? linear(graph, weights, queryDown, x) : x;
  const narrowed = queryNorm ? norm(graph, weights, queryNorm, narrow) : narrow;
  const queries = reshape(linear(graph, weights, spec.query, narrowed), [...rows, heads, plain + rotary]);
  const down = linear(graph, weights, spec.down, forKeys);
  const stored = slice(down, -1, 0, rank);
  const normed = latentNorm ? norm(graph, weights, latentNorm, stored) : stored;
  const latent = spec.latentFactor === undefined ? normed : multiply(normed, spec.latentFactor);
  const key = rotary === 0 ? latent : concat([slice(down, -1, rank), latent], -1);
  const parts = rotary === 0 ? [] : [slice(queries, -1, plain)];
  if (plain > 0) {
    const toLatent = upward(graph, spec, heads, weights, 'keys');
    parts.push(headsBehind(matmul(headsBefore(slice(queries, -1, 0, plain)), toLatent)));
  } else {
    // No score reads the latent: its part of a query is 0.
    const nothing = graph.constant('float32', [rotary, rank], new Float32Array(rotary * rank));
    parts.push(matmul(queries, nothing));
  }
  const [first] = parts;
  return {
    query: first && parts.length === 1 ? first : concat(parts, -1),
    key: reshape(key, [...rows, 1, rotary + rank]),
  };
}

/** Weighted keys of the heads, [..., n, h (d_r + r)], to their weighted values [..., n, h d_v]. */
export function latentValues(
  graph: GraphBuilder,
  spec: LatentProjection,
  heads: number,
  weights: StoredWeights,
  mixed: Value,
): Value {
  const { rank, rotary, value } = spec;
  const rows = mixed.shape.slice(0, -1);
  const latents = slice(reshape(mixed, [...rows, heads, rotary + rank]), -1, rotary);
  const fromLatent = upward(graph, spec, heads, weights, 'values');
  const values = headsBehind(fusedMatmul(headsBefore(latents), fromLatent, { transposeB: true }));
  return reshape(values, [...rows, heads * value]);
}

/** The transpose of `latentValues`, for directions [n, h d_v]. */
export function latentValuesTransposed(
  graph: GraphBuilder,
  spec: LatentProjection,
  heads: number,
  weights: StoredWeights,
  direction: Value,
): Value {
  const { rank, rotary, value } = spec;
  const rows = direction.shape.slice(0, -1);
  const fromLatent = upward(graph, spec, heads, weights, 'values');
  const none = graph.constant('float32', [heads, value, rotary], new Float32Array(heads * value * rotary));
  const whole = rotary === 0 ? fromLatent : concat([none, fromLatent], -1);
  const back = matmul(headsBefore(reshape(direction, [...rows, heads, value])), whole);
  return reshape(headsBehind(back), [...rows, heads * (rotary + rank)]);
}

/** B_k [h, d_n, r] or B_v [h, d_v, r]. */
function upward(
  graph: GraphBuilder,
  { up, rank, plain, value }: LatentProjection,
  heads: number,
  weights: StoredWeights,
  part: 'keys' | 'values',
): Value {
  const whole = reshape(weight(graph, weights, up.weight, [up.outputs, up.inputs]), [heads, plain + value, rank]);
  return part === 'keys' ? slice(whole, 1, 0, plain) : slice(whole, 1, plain);
}

/** [..., n, h, x] to [..., h, n, x], and back. */
const headsBefore = (x: Value): Value => {
  const axes = x.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  return transpose(x, [...axes.slice(0, -3), last - 1, last - 2, last]);
};
const headsBehind = headsBefore;
