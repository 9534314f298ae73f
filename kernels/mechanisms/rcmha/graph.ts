/** Relative convolutional attention in the runtime: convolutions, then tiles of scores with a term for each distance. */
import type { AttentionValues } from '../../graph/attention-graph';
import { biasedAttention } from '../../graph/biased-tiles';
import type { GraphBuilder } from '../../graph/builder';
import { add, multiply } from '../../graph/operators/elementwise';
import { gather, gatherRange, pad, reshape, slice, triangle } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import { isCausalSelf, type AttentionShape, type Precision } from '../../shape';
import { causalInTiles, exactTiles, unmaskedInTiles } from '../tiled';
import { rcmhaWeights, rowAt, type Convolved, type RcmhaParameters } from './definition';

export type NamedWeights = Readonly<Record<string, Value>>;

export const weightInputs = (
  builder: GraphBuilder,
  shape: AttentionShape,
  parameters: RcmhaParameters,
  precision: Precision,
): NamedWeights =>
  Object.fromEntries(
    rcmhaWeights(shape, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
  );

/** One tap of a convolution for every channel, [width]. */
const tapOf = (weights: NamedWeights, name: Convolved, tap: number): Value => {
  const weight = weights[`convolution.${name}.weight`]!;
  return reshape(slice(weight, 2, tap, tap + 1), [Number(weight.shape[0])]);
};

/** [b, h, n, width], as a sum of shifted copies: heads stay first, and a convolution would want channels there. */
function convolve(x: Value, weights: NamedWeights, name: Convolved, { kernel }: RcmhaParameters): Value {
  const length = Number(x.shape[2]);
  const padded = pad(x, 2, kernel - 1, 0);
  const terms = integers(0, kernel).map((tap) =>
    multiply(gatherRange(padded, 2, tap, tap + length), tapOf(weights, name, tap)),
  );
  return terms.reduce((sum, term) => add(sum, term), weights[`convolution.${name}.bias`]!);
}

/** Rows of E or beta (heads first) for distances `count` - 1 down to 0, [h, count, ...]. */
export function distanceRows(table: Value, count: number, parameters: RcmhaParameters): Value {
  const { maxDistance } = parameters;
  if (count <= maxDistance + 1) return gatherRange(table, 1, maxDistance + 1 - count, maxDistance + 1);
  const rows = integers(0, count).map((at) => rowAt(count - 1 - at, parameters));
  return gather(table, table.graph.constant('int64', [count], rows), 1);
}

/** Queries, keys and values after their convolutions, where there are any. */
export function convolvedValues(
  values: Pick<AttentionValues, Convolved>,
  parameters: RcmhaParameters,
  weights: NamedWeights,
): Readonly<Record<Convolved, Value>> {
  const made = (name: Convolved): Value =>
    parameters.convolution ? convolve(values[name], weights, name, parameters) : values[name];
  return { query: made('query'), key: made('key'), value: made('value') };
}

/** Heads-first output [b, h, n, dv]; n <= m where it is causal. */
export function rcmhaGraph(
  values: AttentionValues,
  shape: AttentionShape,
  parameters: RcmhaParameters,
  weights: NamedWeights,
): Value {
  const { query, key, value } = convolvedValues(values, parameters, weights);
  if (!parameters.relative) {
    return (isCausalSelf(shape) ? causalInTiles : unmaskedInTiles)(query, key, value, shape, exactTiles);
  }
  return relativeAttention({ query, key, value }, shape, parameters, weights);
}

/** Attention with the relative terms over queries, keys and values that have been convolved. */
export function relativeAttention(
  { query, key, value }: Readonly<Record<Convolved, Value>>,
  shape: AttentionShape,
  parameters: RcmhaParameters,
  weights: NamedWeights,
): Value {
  const { heads, keys, headDim } = shape;
  const scale = headDim ** -0.5;
  const table = distanceRows(weights['position.key']!, keys, parameters);
  const betas = multiply(distanceRows(weights['position.bias']!, keys, parameters), scale);
  const shifted = add(query, reshape(weights['query.bias']!, [heads, 1, headDim]));
  return biasedAttention({ query: shifted, key, value }, shape, (scores, { start, end, reach }) => {
    const products = fusedMatmul(gatherRange(query, 2, start, end), gatherRange(table, 1, keys - reach, keys), {
      transposeB: true,
      scale,
    });
    const beta = reshape(gatherRange(betas, 1, keys - reach, keys), [heads, 1, reach]);
    return add(scores, byKey(add(products, beta)));
  });
}

/**
 * [b, h, R, T] whose column c is the distance T - 1 - c, to columns by key, for the last R of T positions: row a moves left by
 * R - 1 - a. One more column, a view from element R - 1 on, and rows of T again do that at once (Transformer-XL, appendix B).
 * Keys after a query get what belongs to the next row, which may be NaN: zeros in its place.
 */
function byKey(x: Value): Value {
  const [batch, heads, rows, columns] = x.shape.map(Number) as [number, number, number, number];
  if (rows === 1) return x;
  const flat = reshape(pad(x, 3, 0, 1), [batch, heads, rows * (columns + 1)]);
  const moved = reshape(slice(flat, 2, rows - 1, rows - 1 + rows * columns), [batch, heads, rows, columns]);
  return triangle(moved, 'lower', columns - rows);
}
