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
import { concat, reshape, slice, split, transpose } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { layerNormalization, rmsNormalization } from '../../kernels/graph/operators/normalize';
import { unreachable } from '../unreachable';
import type { FeedForwardSpec, LearnedActivation } from './network-spec';
import type { Activation, Linear, Norm } from './weights-spec';
import { heldProduct, inPieces, rowsWithin } from './packed-matrices';
import { partLabel, rowsOfTensor, storedWeight, sumOf, weight, type StoredWeights } from './stored-weights';

/** x [..., inputs] -> [..., outputs]. FusedMatMul reads the weight as it is stored: no transposed copy. */
export function linear(graph: GraphBuilder, weights: StoredWeights, spec: Linear, x: Value): Value {
  const { each, ...whole } = spec;
  if (each !== undefined) return inHalves(x, (half) => linear(graph, weights, whole, half));
  const { beside } = spec;
  const own = summedProduct(graph, weights, spec, x);
  const product = beside ? add(own, linear(graph, weights, beside[1], linear(graph, weights, beside[0], x))) : own;
  return biased(graph, weights, spec, product);
}

/** x [..., 2 i] -> [..., 2 o], by what is made of each half. */
function inHalves(x: Value, made: (half: Value) => Value): Value {
  const rows = x.shape.slice(0, -1);
  const halves = made(reshape(x, [...rows, 2, Number(x.shape.at(-1)) / 2]));
  return reshape(halves, [...rows, 2 * Number(halves.shape.at(-1))]);
}

function biased(graph: GraphBuilder, weights: StoredWeights, spec: Linear, product: Value): Value {
  const { bias, factor } = spec;
  const whole = bias === undefined ? product : add(product, biasOf(graph, weights, spec, bias));
  return factor === undefined ? whole : multiply(whole, factor);
}

/**
 * Several maps, each of its input. Where these are one row, weights that are held together are one product: each product of a token
 * rounds the row and wakes the other thread once more. For many rows it costs more to take the outputs apart.
 */
export function linears(
  graph: GraphBuilder,
  weights: StoredWeights,
  specs: readonly Linear[],
  inputs: readonly Value[],
): readonly Value[] {
  const [x] = inputs;
  const arePlain = specs.every((spec) => isPlain(spec) && sumOf(graph, weights, spec.weight) === undefined);
  const together = arePlain ? weights.packTogether?.(specs) : undefined;
  const isOneRow = x?.shape.slice(0, -1).every((dim) => dim === 1) && inputs.every((input) => input === x);
  const last = specs.length - 1;
  if (!together && last > 1) {
    // Values are often kept in more bits than queries and keys.
    const before = linears(graph, weights, specs.slice(0, last), inputs.slice(0, last));
    return [...before, linear(graph, weights, specs[last]!, inputs[last]!)];
  }
  if (!together || !x || !isOneRow) return specs.map((spec, at) => linear(graph, weights, spec, inputs[at]!));
  const outputs = specs.map((spec) => spec.outputs);
  const all: Linear = {
    weight: specs.map(partLabel).join('+'),
    inputs: specs[0]!.inputs,
    outputs: outputs.reduce((sum, count) => sum + count, 0),
    stored: 'outputs-inputs',
  };
  const product = heldProduct(graph, all, together, x, weights.largest);
  return split(product, -1, outputs).map((part, at) => biased(graph, weights, specs[at]!, part));
}

/** Whether it is a matrix of its own, with a bias at most. */
const isPlain = ({ stored, groups, storedShape, beside, everySecond, biasRow, each }: Linear): boolean =>
  stored === 'outputs-inputs' &&
  [groups, storedShape, beside, everySecond, biasRow, each].every((part) => part === undefined);

/** Multiplies by a weight that is a sum: by the stored matrix, and separately by the two small matrices in float32. */
function summedProduct(graph: GraphBuilder, weights: StoredWeights, spec: Linear, x: Value): Value {
  const sum = spec.groups === undefined && !spec.storedShape ? sumOf(graph, weights, spec.weight) : undefined;
  if (!sum) return productOf(graph, weights, spec, x);
  const { inputs, outputs, firstRow = 0, storedRows } = spec;
  const floats: StoredWeights = { find: (name) => weights.find(name) };
  const small = { stored: 'outputs-inputs', ...(storedRows === undefined ? {} : { firstRow, storedRows }) } as const;
  const down = { weight: sum.down, inputs, outputs: sum.rank, stored: 'outputs-inputs' } as const;
  const up = { weight: sum.up, inputs: sum.rank, outputs, ...small };
  const added = productOf(graph, floats, up, productOf(graph, floats, down, x));
  return add(productOf(graph, weights, { ...spec, weight: sum.base }, x), multiply(added, sum.factor));
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
  const held = weights.pack?.(spec, shape);
  if (held) return heldProduct(graph, spec, held, x, weights.largest);
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
  const { inputs, outputs, stored, firstRow = 0, firstColumn, storedShape = [], everySecond } = spec;
  const transposed = stored === 'outputs-inputs';
  if (spec.joined) {
    const whole = weight(graph, weights, spec.weight, storedShape);
    const matrix = reshape(whole, transposed ? [outputs, inputs] : [inputs, outputs]);
    return fusedMatmul(x, matrix, { transposeB: transposed });
  }
  const columns = storedShape.at(-1) ?? 1;
  const spread = everySecond === undefined ? outputs : 2 * outputs;
  const map = { ...spec, outputs: spread };
  const held = weights.pack?.(map, storedShape);
  if (held) return everySecondOf(heldProduct(graph, map, held, x, weights.largest), spec);
  const count = transposed ? spread : inputs;
  const matrix = rowsOfTensor(graph, weights, spec.weight, storedShape, { first: firstRow, count, columns });
  if (firstColumn !== undefined) return slice(fusedMatmul(x, matrix), -1, firstColumn, firstColumn + outputs);
  if (everySecond === undefined) return fusedMatmul(x, matrix, { transposeB: transposed });
  if (transposed) throw new RangeError('outputs in turns are stored input by input');
  return everySecondOf(fusedMatmul(x, matrix), spec);
}

/** Every second one of the outputs, if the map has only these. */
function everySecondOf(all: Value, { outputs, everySecond }: Linear): Value {
  if (everySecond === undefined) return all;
  const lead = all.shape.slice(0, -1);
  return reshape(slice(reshape(all, [...lead, outputs, 2]), -1, everySecond, everySecond + 1), [...lead, outputs]);
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

export function norm(graph: GraphBuilder, weights: StoredWeights, spec: Norm, x: Value): Value {
  const { each, ...whole } = spec;
  if (each !== undefined) return inHalves(x, (half) => norm(graph, weights, whole, half));
  const { heads, ...plain } = spec;
  if (heads) {
    const normed = norm(graph, weights, { ...plain, weight: undefined }, x);
    return multiply(normed, gainOf(graph, weights, spec));
  }
  const gain = gainOf(graph, weights, spec);
  if (spec.kind === 'rms') return rmsNormalization(x, gain, spec.epsilon);
  const offset = spec.bias === undefined ? undefined : weight(graph, weights, spec.bias, [spec.size]);
  if (spec.kind === 'affine') return offset ? add(multiply(x, gain), offset) : multiply(x, gain);
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
    const real = multiply(rotated, inPairs(cos));
    turned = add(real, multiply(exchanged(rotated, dimensions), inPairs(sin)), nameHere);
  }
  return rotated === x ? turned : concat([turned, slice(x, -1, dimensions)], -1, name);
}

/** Each number of x [..., w] twice, [..., 2 w]. */
function inPairs(x: Value): Value {
  const width = Number(x.shape.at(-1));
  const size = width % 16 === 0 ? 16 : 1;
  return inParts(x, width, size, 2 * size, (row, column) => (Math.floor(column / 2) === row ? 1 : 0));
}

/** The pairs (a, b) of x [..., w] as (-b, a). */
function exchanged(x: Value, width: number): Value {
  const size = width % 16 === 0 ? 16 : 2;
  return inParts(x, width, size, size, (row, column) => {
    if (row === column + 1 && column % 2 === 0) return -1;
    return column === row + 1 && row % 2 === 0 ? 1 : 0;
  });
}

/**
 * x [..., w] in parts of `size` numbers, each times a matrix [size, outputs]. A sum has one term that is not 0, so it is exact. Picking
 * every second number instead took 7 % of a prompt of 512 tokens (322 million parameters, onnxruntime 1.30, 2026-12-01).
 */
function inParts(
  x: Value,
  width: number,
  size: number,
  outputs: number,
  number: (row: number, column: number) => number,
): Value {
  const before = x.shape.slice(0, -1);
  const matrix = Float32Array.from({ length: size * outputs }, (_, at) =>
    number(Math.floor(at / outputs), at % outputs),
  );
  const parts = reshape(x, [...before, width / size, size]);
  const products = matmul(parts, x.graph.constant('float32', [size, outputs], matrix));
  return reshape(products, [...before, (width / size) * outputs]);
}
