/** Linear maps, norms, activations and rotation as graph nodes. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import {
  add,
  cast,
  exponential,
  gelu,
  greater,
  less,
  minimum,
  multiply,
  rectify,
  sigmoid,
  softplus,
  subtract,
  where,
} from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice, transpose } from '../../kernels/graph/operators/layout';
import { blocksOf, fusedMatmul, matmulBlockwise } from '../../kernels/graph/operators/matrix';
import { layerNormalization, rmsNormalization } from '../../kernels/graph/operators/normalize';
import { unreachable } from '../unreachable';
import type { Activation, FeedForwardSpec, LearnedActivation, Linear, Norm } from './model-spec';
import {
  externalOf,
  rowsOfTensor,
  storedWeight,
  weight,
  type PackedMatrix,
  type StoredWeights,
} from './stored-weights';

/** x [..., inputs] -> [..., outputs]. FusedMatMul reads the weight as it is stored: no transposed copy. */
export function linear(graph: GraphBuilder, weights: StoredWeights, spec: Linear, x: Value): Value {
  const product = productOf(graph, weights, spec, x);
  const { bias, factor } = spec;
  const whole = bias === undefined ? product : add(product, biasOf(graph, weights, spec, bias));
  return factor === undefined ? whole : multiply(whole, factor);
}

function biasOf(graph: GraphBuilder, weights: StoredWeights, spec: Linear, name: string): Value {
  const { outputs, biasRow, everySecond } = spec;
  if (!biasRow) return weight(graph, weights, name, [spec.storedRows ?? outputs], rowsOf(spec));
  const columns = outputs * (everySecond === undefined ? 1 : 2);
  const at = { first: biasRow.row, count: 1, columns };
  const row = rowsOfTensor(graph, weights, name, [biasRow.rows, columns], at);
  if (everySecond === undefined) return reshape(row, [outputs]);
  return reshape(slice(reshape(row, [outputs, 2]), -1, everySecond, everySecond + 1), [outputs]);
}

/** Rows of a stored tensor that is shared with other maps. */
const rowsOf = ({ storedRows, firstRow = 0, outputs }: Linear): { first: number; count: number } | undefined =>
  storedRows === undefined ? undefined : { first: firstRow, count: outputs };

function productOf(graph: GraphBuilder, weights: StoredWeights, spec: Linear, x: Value): Value {
  const { inputs, outputs, stored, groups } = spec;
  if (groups !== undefined) return groupedProduct(graph, weights, spec, groups, x);
  const transposed = stored === 'outputs-inputs';
  const rows = transposed ? rowsOf(spec) : undefined;
  if (spec.storedShape) return stackedProduct(graph, weights, spec, x);
  const shape = transposed ? [spec.storedRows ?? outputs, inputs] : [inputs, outputs];
  const packed = weights.pack?.(spec, shape);
  if (packed) return packedProduct(graph, spec, packed, x, weights.largest);
  const half = weights.products === 'float16';
  const left = half ? cast(x, 'float16') : x;
  const product = (part: typeof rows): Value => {
    if (!half) return fusedMatmul(left, weight(graph, weights, spec.weight, shape, part), { transposeB: transposed });
    const stored = storedWeight(graph, weights, spec.weight, shape, part);
    const right = stored.type === 'float16' ? stored : cast(stored, 'float16');
    return cast(fusedMatmul(left, right, { transposeB: transposed }), 'float32');
  };
  const most = transposed ? rowsWithin(weights.largest, 4 * inputs) : outputs;
  if (outputs <= most) return product(rows);
  const first = rows?.first ?? 0;
  return inPieces(outputs, most, ({ first: from, count }) => product({ first: first + from, count }));
}

/** By the matrix of one expert inside a tensor of all of them: its rows lie one after the other. */
function stackedProduct(graph: GraphBuilder, weights: StoredWeights, spec: Linear, x: Value): Value {
  const { inputs, outputs, stored, firstRow = 0, storedShape = [], everySecond } = spec;
  const transposed = stored === 'outputs-inputs';
  const columns = storedShape.at(-1) ?? 1;
  const count = transposed ? outputs * (everySecond === undefined ? 1 : 2) : inputs;
  const matrix = rowsOfTensor(graph, weights, spec.weight, storedShape, { first: firstRow, count, columns });
  if (everySecond === undefined) return fusedMatmul(x, matrix, { transposeB: transposed });
  if (transposed) throw new RangeError('outputs in turns are stored input by input');
  const both = reshape(fusedMatmul(x, matrix), [...x.shape.slice(0, -1), outputs, 2]);
  return reshape(slice(both, -1, everySecond, everySecond + 1), [...x.shape.slice(0, -1), outputs]);
}

/** [..., n, inputs] -> [..., n, outputs], group by group. */
function groupedProduct(
  graph: GraphBuilder,
  weights: StoredWeights,
  { weight: name, inputs, outputs }: Linear,
  groups: number,
  x: Value,
): Value {
  const rows = x.shape.slice(0, -1);
  const axes = x.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  /** Rows and groups change places. */
  const swapped = [...axes.slice(0, -2), last, last - 1, last + 1];
  const matrix = reshape(weight(graph, weights, name, [outputs, inputs / groups, 1]), [
    groups,
    outputs / groups,
    inputs / groups,
  ]);
  const split = transpose(reshape(x, [...rows, groups, inputs / groups]), swapped);
  return reshape(transpose(fusedMatmul(split, matrix, { transposeB: true }), swapped), [...rows, outputs]);
}

/** Rows of a matrix that bytes hold, at least one. */
const rowsWithin = (bytes: number | undefined, rowBytes: number): number =>
  Math.max(1, Math.floor((bytes ?? Infinity) / rowBytes));

/** The outputs of products of at most `most` rows each, side by side. */
function inPieces(
  outputs: number,
  most: number,
  product: (rows: { readonly first: number; readonly count: number }) => Value,
): Value {
  const pieces: Value[] = [];
  for (let first = 0; first < outputs; first += most) {
    pieces.push(product({ first, count: Math.min(most, outputs - first) }));
  }
  return concat(pieces, -1);
}

function packedProduct(
  graph: GraphBuilder,
  spec: Linear,
  packed: PackedMatrix,
  x: Value,
  largest: number | undefined,
): Value {
  const { inputs, outputs } = spec;
  const { bits, block } = packed;
  const blocks = blocksOf(inputs, block);
  const bytes = { values: (blocks * block * bits) / 8, scales: 4 * blocks };
  const label = spec.storedRows === undefined ? spec.weight : `${spec.weight}[${spec.firstRow ?? 0}]`;
  const product = ({ first, count }: { readonly first: number; readonly count: number }): Value => {
    const part = (of: 'values' | 'scales', type: 'uint8' | 'float32', shape: readonly number[]): Value => {
      const name = count === outputs ? `${label}.${of}` : `${label}.${of}[${first}:${first + count}]`;
      const { location, offset } = packed[of];
      const data = { location, offset: offset + first * bytes[of], length: count * bytes[of] };
      return externalOf(graph, name, type, shape, data);
    };
    return matmulBlockwise(x, {
      inputs,
      outputs: count,
      bits,
      block,
      values: part('values', 'uint8', [count, blocks, (block * bits) / 8]),
      scales: part('scales', 'float32', [count * blocks]),
    });
  };
  const most = rowsWithin(largest, bytes.values);
  return outputs <= most ? product({ first: 0, count: outputs }) : inPieces(outputs, most, product);
}

export function norm(graph: GraphBuilder, weights: StoredWeights, spec: Norm, x: Value): Value {
  const { heads, ...plain } = spec;
  if (heads) {
    const normed = norm(graph, weights, { ...plain, weight: undefined }, x);
    return multiply(normed, gainOf(graph, weights, spec));
  }
  const gain = gainOf(graph, weights, spec);
  if (spec.kind === 'rms') return rmsNormalization(x, gain, spec.epsilon);
  const offset = spec.bias === undefined ? undefined : weight(graph, weights, spec.bias, [spec.size]);
  return layerNormalization(x, gain, offset, spec.epsilon);
}

/** What a norm multiplies by, [size], or [heads, size] where heads have a gain each. */
export function gainOf(
  graph: GraphBuilder,
  weights: StoredWeights,
  { weight: name, size, gainOffset, heads }: Norm,
): Value {
  if (heads?.each)
    return concat(
      heads.each.map((one) => reshape(weight(graph, weights, one, [size]), [1, size])),
      0,
    );
  if (heads && name !== undefined) return weight(graph, weights, name, [heads.count, size]);
  if (name === undefined) return graph.constant('float32', [size], new Array<number>(size).fill(1));
  const stored = weight(graph, weights, name, [size]);
  return gainOffset === undefined ? stored : add(stored, gainOffset);
}

/** What a network makes of its products before they go down; `gate` where it is gated. */
export function innerOf(
  graph: GraphBuilder,
  weights: StoredWeights,
  { activation }: FeedForwardSpec,
  up: Value,
  gate: Value | undefined,
): Value {
  const activated = (x: Value): Value => {
    if (typeof activation === 'string') return activate(activation, x);
    if (activation.kind === 'xielu') return xielu(graph, weights, activation, x);
    const below = minimum(x, activation.bound);
    return multiply(below, sigmoid(multiply(below, activation.slope)));
  };
  if (!gate) return activated(up);
  const own = typeof activation === 'object' && activation.kind === 'held-gate';
  return multiply(activated(gate), own ? add(held(up, activation.bound), 1) : up);
}

export function activate(activation: Activation, x: Value): Value {
  switch (activation) {
    case 'silu':
      return multiply(x, sigmoid(x));
    case 'gelu':
      return gelu(x, 'none');
    case 'gelu-tanh':
      return gelu(x, 'tanh');
    case 'quick-gelu':
      return multiply(x, sigmoid(multiply(x, 1.702)));
    case 'relu':
      return rectify(x);
    case 'squared-relu': {
      const positive = rectify(x);
      return multiply(positive, positive);
    }
    default:
      return unreachable(activation);
  }
}

/**
 * xIELU (arXiv:2411.13010, section 3, as transformers computes it): with b = 0.5, p = softplus of the first number and q = b + softplus
 * of the second, p x^2 + b x where x > 0, and q (e^min(x, -1e-6) - 1 - x) + b x elsewhere.
 */
function xielu(graph: GraphBuilder, weights: StoredWeights, spec: LearnedActivation, x: Value): Value {
  const slope = (name: string): Value => softplus(weight(graph, weights, name, [1]));
  const linearPart = multiply(x, 0.5);
  const above = multiply(slope(spec.positive), multiply(x, x));
  const below = multiply(add(slope(spec.negative), 0.5), subtract(subtract(exponential(minimum(x, -1e-6)), 1), x));
  return add(where(greater(x, 0), above, below), linearPart);
}

/** x held between -bound and bound. */
export function held(x: Value, bound: number): Value {
  return where(greater(x, bound), bound, where(less(x, -bound), -bound, x));
}

/**
 * Rotates the first `dimensions` of each head of x [b, heads, n, d] by the angles whose cos and sin are [n, dimensions / 2].
 * `half` pairs dimension i with i + dimensions/2, `interleaved` pairs 2i with 2i + 1.
 */
export function rotate(
  x: Value,
  cos: Value,
  sin: Value,
  { dimensions, layout }: { readonly dimensions: number; readonly layout: 'half' | 'interleaved' },
  name?: string,
): Value {
  const width = x.shape.at(-1);
  const rotated = width === dimensions ? x : slice(x, -1, 0, dimensions);
  const half = dimensions / 2;
  const nameHere = rotated === x ? name : undefined;
  let turned: Value;
  if (layout === 'half') {
    const first = slice(rotated, -1, 0, half);
    const second = slice(rotated, -1, half, dimensions);
    turned = concat(
      [subtract(multiply(first, cos), multiply(second, sin)), add(multiply(second, cos), multiply(first, sin))],
      -1,
      nameHere,
    );
  } else {
    const pairs = reshape(rotated, [...rotated.shape.slice(0, -1), half, 2]);
    const flat = [...rotated.shape.slice(0, -1), half];
    const first = reshape(slice(pairs, -1, 0, 1), flat);
    const second = reshape(slice(pairs, -1, 1, 2), flat);
    const real = subtract(multiply(first, cos), multiply(second, sin));
    const imaginary = add(multiply(second, cos), multiply(first, sin));
    const column = [...flat, 1];
    turned = reshape(
      concat([reshape(real, column), reshape(imaginary, column)], -1),
      [...rotated.shape.slice(0, -1), dimensions],
      nameHere,
    );
  }
  return rotated === x ? turned : concat([turned, slice(x, -1, dimensions)], -1, name);
}
