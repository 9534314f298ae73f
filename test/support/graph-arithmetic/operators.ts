/** The operators of graphs in float64, by their ONNX type. */
import { sizeOf, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import {
  alongLines,
  axisOf,
  erf,
  from,
  lastTwoTurned,
  lines,
  map,
  matmul,
  offsets,
  picked,
  reduce,
  softmax,
  spread,
  stridesOf,
  transpose,
  zip,
} from './arrays';
import { attentionOperators } from './attention';
import { convolutions } from './convolution';
import { recurrences } from './recurrence';

/** One node: its inputs and attributes. */
export interface Call {
  readonly x: readonly Tensor[];
  readonly number: (name: string, otherwise: number) => number;
  readonly list: (name: string) => readonly number[] | undefined;
  readonly text: (name: string) => string | undefined;
  readonly outputs: number;
}

export type Operator = (call: Call) => Tensor | readonly Tensor[];
export type Operators = Readonly<Record<string, Operator>>;

const unary =
  (f: (x: number) => number): Operator =>
  ({ x }) =>
    map(x[0]!, f);
const nary =
  (f: (...values: number[]) => number): Operator =>
  ({ x }) =>
    zip(x, f);
const truth = (is: boolean): number => (is ? 1 : 0);

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

const reduction =
  (f: (line: Float64Array) => number): Operator =>
  ({ x, number }) =>
    reduce(x[0]!, [...x[1]!.data], number('keepdims', 1) === 1, f);

const total = (line: Float64Array): number => line.reduce((a, b) => a + b, 0);

function normalised({ x: [x, gain, offset], number }: Call, centred: boolean): Tensor {
  const scaled = alongLines(x!, -1, (line) => {
    const mean = centred ? total(line) / line.length : 0;
    const spread = Math.sqrt(
      line.reduce((sum, value) => sum + (value - mean) ** 2, 0) / line.length + number('epsilon', 1e-5),
    );
    return line.map((value, i) => ((value - mean) / spread) * gain!.data[i]!);
  });
  return offset ? zip([scaled, offset], (a, b) => a + b) : scaled;
}

function joined(parts: readonly Tensor[], given: number): Tensor {
  const axis = axisOf(given, parts[0]!.shape.length);
  const shape = parts[0]!.shape.map((dim, i) => (i === axis ? parts.reduce((sum, p) => sum + p.shape[i]!, 0) : dim));
  const out = new Float64Array(sizeOf(shape));
  const strides = stridesOf(shape);
  let start = 0;
  for (const part of parts) {
    offsets(part.shape, strides, start * strides[axis]!).forEach((to, i) => (out[to] = part.data[i]!));
    start += part.shape[axis]!;
  }
  return tensor(shape, out);
}

function window(x: Tensor, starts: readonly number[], shape: readonly number[]): Tensor {
  const strides = stridesOf(x.shape);
  const first = starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  return picked(x, shape, offsets(shape, strides, first));
}

function sliced({ x: [x, starts, ends, axes, steps] }: Call): Tensor {
  if (steps?.data.some((step) => step !== 1)) throw new RangeError('steps of 1 alone');
  const from = x!.shape.map(() => 0);
  const shape = [...x!.shape];
  starts!.data.forEach((start, i) => {
    const axis = axes ? axisOf(axes.data[i]!, shape.length) : i;
    const length = x!.shape[axis]!;
    const bound = (value: number): number => Math.min(Math.max(value < 0 ? value + length : value, 0), length);
    from[axis] = bound(start);
    shape[axis] = Math.max(0, bound(ends!.data[i]!) - from[axis]);
  });
  return window(x!, from, shape);
}

function padded({ x: [x, amounts, value, axes] }: Call): Tensor {
  const all = axes ? [...axes.data] : x!.shape.map((_, axis) => axis);
  const shape = [...x!.shape];
  const before = x!.shape.map(() => 0);
  all.forEach((axis, i) => {
    before[axis] = amounts!.data[i]!;
    shape[axis] = shape[axis]! + amounts!.data[i]! + amounts!.data[all.length + i]!;
  });
  const out = new Float64Array(sizeOf(shape)).fill(value?.data[0] ?? 0);
  const strides = stridesOf(shape);
  const first = before.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  offsets(x!.shape, strides, first).forEach((to, i) => (out[to] = x!.data[i]!));
  return tensor(shape, out);
}

function gathered({ x: [x, indices], number }: Call): Tensor {
  const axis = axisOf(number('axis', 0), x!.shape.length);
  const length = x!.shape[axis]!;
  const inner = sizeOf(x!.shape.slice(axis + 1));
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  const count = indices!.data.length;
  return from(shape, (i) => {
    const [outer, rest] = [Math.floor(i / (count * inner)), i % (count * inner)];
    const index = axisOf(indices!.data[Math.floor(rest / inner)]!, length);
    return x!.data[(outer * length + index) * inner + (rest % inner)]!;
  });
}

/** Where each of the indices points along an axis of `shape`. */
function pointed(shape: readonly number[], indices: Tensor, given: number): Int32Array {
  const axis = axisOf(given, shape.length);
  const strides = stridesOf(shape);
  const rest = strides.map((stride, i) => (i === axis ? 0 : stride));
  return offsets(indices.shape, rest).map((at, i) => at + axisOf(indices.data[i]!, shape[axis]!) * strides[axis]!);
}

function written(x: Tensor, places: ArrayLike<number>, updates: Tensor, reduction: string | undefined): Tensor {
  const out = x.data.slice();
  for (let i = 0; i < places.length; i++) {
    const [at, value] = [places[i]!, updates.data[i]!];
    if (reduction === 'add') out[at] = out[at]! + value;
    else if (reduction === 'max') out[at] = Math.max(out[at]!, value);
    else out[at] = value;
  }
  return tensor(x.shape, out);
}

function scatteredRows({ x: [x, indices, updates], text }: Call): Tensor {
  const depth = indices!.shape.at(-1)!;
  const strides = stridesOf(x!.shape);
  const size = sizeOf(x!.shape.slice(depth));
  const rows = indices!.data.length / depth;
  const places = Array.from({ length: rows * size }, (_, i) => {
    const row = Math.floor(i / size);
    let at = i % size;
    for (let k = 0; k < depth; k++) at += axisOf(indices!.data[row * depth + k]!, x!.shape[k]!) * strides[k]!;
    return at;
  });
  return written(x!, places, updates!, text('reduction'));
}

function expanded(x: Tensor, target: readonly number[]): Tensor {
  const { shape } = zip([x, { shape: target, data: new Float64Array(sizeOf(target)) }], (a) => a);
  return picked(x, shape, spread(x, shape));
}

function parts({ x: [x, lengths], number }: Call): readonly Tensor[] {
  const axis = axisOf(number('axis', 0), x!.shape.length);
  let start = 0;
  return [...lengths!.data].map((length) => {
    const begin = x!.shape.map((_, i) => (i === axis ? start : 0));
    start += length;
    return window(
      x!,
      begin,
      x!.shape.map((dim, i) => (i === axis ? length : dim)),
    );
  });
}

function largest({ x: [x, count], number }: Call): readonly Tensor[] {
  const { starts, step, length, axis, rest } = lines(x!.shape, number('axis', -1));
  const k = count!.data[0]!;
  const sign = number('largest', 1) === 1 ? 1 : -1;
  const shape = rest.map((dim, i) => (i === axis ? k : dim));
  const [values, indices] = [new Float64Array(sizeOf(shape)), new Float64Array(sizeOf(shape))];
  const into = lines(shape, axis);
  starts.forEach((start, line) => {
    const order = Array.from({ length }, (_, i) => i);
    order.sort((a, b) => sign * (x!.data[start + b * step]! - x!.data[start + a * step]!) || a - b);
    for (let i = 0; i < k; i++) {
      values[into.starts[line]! + i * into.step] = x!.data[start + order[i]! * step]!;
      indices[into.starts[line]! + i * into.step] = order[i]!;
    }
  });
  return [tensor(shape, values), tensor(shape, indices)];
}

function reshaped({ x: [x, wanted] }: Call): Tensor {
  const shape = [...wanted!.data].map((dim, axis) => (dim === 0 ? x!.shape[axis]! : dim));
  const open = shape.indexOf(-1);
  if (open >= 0) shape[open] = x!.data.length / -sizeOf(shape);
  return tensor(shape, x!.data);
}

const gelu = ({ x: [x], text }: Call): Tensor =>
  map(x!, (v) =>
    text('approximate') === 'tanh'
      ? 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))
      : 0.5 * v * (1 + erf(v / Math.SQRT2)),
  );

const product: Operator = ({ x: [a, b], number }) =>
  matmul(
    number('transA', 0) === 1 ? lastTwoTurned(a!) : a!,
    number('transB', 0) === 1 ? lastTwoTurned(b!) : b!,
    number('alpha', 1),
  );

/** [outputs, inputs] in blocks of integers, stored with half of their range or a zero point added, times the factor of the block. */
function blockwise({ x: [x, values, scales, zeros], number }: Call): Tensor {
  const [bits, block, inputs] = [number('bits', 4), number('block_size', 32), number('K', 0)];
  const [outputs, blocks, bytes] = values!.shape as [number, number, number];
  const integer = (of: Tensor, row: number, rowBytes: number, at: number): number => {
    const byte = of.data[row * rowBytes + (bits === 8 ? at : at >> 1)]!;
    return bits === 8 ? byte : at % 2 === 0 ? byte & 15 : byte >> 4;
  };
  const matrix = from([outputs, inputs], (i) => {
    const [row, column] = [Math.floor(i / inputs), i % inputs];
    const of = Math.floor(column / block);
    const zero = zeros ? integer(zeros, row, Math.ceil((blocks * bits) / 8), of) : 2 ** (bits - 1);
    const value = integer(values!, row * blocks + of, bytes, column % block);
    return (value - zero) * scales!.data[row * blocks + of]!;
  });
  return matmul(x!, lastTwoTurned(matrix));
}

export const operators: Operators = {
  Add: nary((a, b) => a + b),
  Sum: nary((...all) => all.reduce((a, b) => a + b)),
  Sub: nary((a, b) => a - b),
  Mul: nary((a, b) => a * b),
  Div: nary((a, b) => a / b),
  Pow: nary((a, b) => a ** b),
  Min: nary(Math.min),
  Max: nary(Math.max),
  Less: nary((a, b) => truth(a < b)),
  LessOrEqual: nary((a, b) => truth(a <= b)),
  Greater: nary((a, b) => truth(a > b)),
  Equal: nary((a, b) => truth(a === b)),
  And: nary((a, b) => truth(a === 1 && b === 1)),
  Or: nary((a, b) => truth(a === 1 || b === 1)),
  Where: nary((is, a, b) => (is === 1 ? a : b)),
  Not: unary((x) => 1 - x),
  IsNaN: unary((x) => truth(Number.isNaN(x))),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sigmoid: unary(logistic),
  Tanh: unary(Math.tanh),
  Relu: unary((x) => Math.max(x, 0)),
  Erf: unary(erf),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Atan: unary(Math.atan),
  Floor: unary(Math.floor),
  Sign: unary(Math.sign),
  Softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Elu: ({ x, number }) => map(x[0]!, (v) => (v > 0 ? v : number('alpha', 1) * Math.expm1(v))),
  Gelu: gelu,
  Clip: ({ x: [x, low, high] }) =>
    map(x!, (v) => Math.min(Math.max(v, low?.data[0] ?? -Infinity), high?.data[0] ?? Infinity)),
  // To a whole number: towards 0. To a float: exact here.
  Cast: ({ x, number }) => ([6, 7].includes(number('to', 1)) ? map(x[0]!, Math.trunc) : x[0]!),
  Identity: ({ x }) => x[0]!,
  MatMul: product,
  FusedMatMul: product,
  MatMulNBits: blockwise,
  Gemm: (call) => {
    const c = call.x[2];
    const ab = product(call) as Tensor;
    return c ? zip([ab, c], (a, b) => a + call.number('beta', 1) * b) : ab;
  },
  LayerNormalization: (call) => normalised(call, true),
  SimplifiedLayerNormalization: (call) => normalised(call, false),
  Softmax: ({ x, number }) => alongLines(x[0]!, number('axis', -1), softmax),
  ReduceSum: reduction(total),
  ReduceMean: reduction((line) => total(line) / line.length),
  ReduceMax: reduction((line) => Math.max(...line)),
  ReduceMin: reduction((line) => Math.min(...line)),
  ReduceL2: reduction((line) => Math.hypot(...line)),
  CumSum: ({ x: [x, axis], number }) =>
    alongLines(x!, axis!.data[0]!, (line) => {
      const turned = number('reverse', 0) === 1;
      let sum = 0;
      const sums = [...(turned ? line.toReversed() : line)].map((value) => {
        const before = sum;
        sum += value;
        return number('exclusive', 0) === 1 ? before : sum;
      });
      return turned ? sums.reverse() : sums;
    }),
  TopK: largest,
  ArgMax: ({ x, number }) =>
    reduce(x[0]!, [number('axis', 0)], number('keepdims', 1) === 1, (line) => line.indexOf(Math.max(...line))),
  Reshape: reshaped,
  Transpose: ({ x, list }) =>
    transpose(x[0]!, list('perm') ?? x[0]!.shape.map((_, axis) => x[0]!.shape.length - 1 - axis)),
  Concat: ({ x, number }) => joined(x, number('axis', 0)),
  Split: parts,
  Slice: sliced,
  Pad: padded,
  Gather: gathered,
  GatherElements: ({ x: [x, indices], number }) =>
    picked(x!, indices!.shape, pointed(x!.shape, indices!, number('axis', 0))),
  ScatterElements: ({ x: [x, indices, updates], number, text }) =>
    written(x!, pointed(x!.shape, indices!, number('axis', 0)), updates!, text('reduction')),
  // Single numbers of a matrix, by row and column.
  GatherND: ({ x: [x, places] }) => {
    const [count = 0] = places!.shape;
    const columns = x!.shape[1]!;
    const at = (row: number): number => places!.data[2 * row]! * columns + places!.data[2 * row + 1]!;
    return tensor(
      [count],
      Float64Array.from({ length: count }, (_, row) => x!.data[at(row)]!),
    );
  },
  ScatterND: scatteredRows,
  Expand: ({ x: [x, shape] }) => expanded(x!, [...shape!.data]),
  Tile: ({ x: [x, repeats] }) => {
    const shape = x!.shape.map((dim, axis) => dim * repeats!.data[axis]!);
    const strides = stridesOf(shape);
    const own = stridesOf(x!.shape);
    return from(
      shape,
      (i) =>
        x!.data[
          shape.reduce(
            (at, dim, axis) => at + ((Math.floor(i / strides[axis]!) % dim) % x!.shape[axis]!) * own[axis]!,
            0,
          )
        ]!,
    );
  },
  Unsqueeze: ({ x: [x, axes] }) => {
    const shape = [...x!.shape];
    for (const axis of axes!.data) shape.splice(axisOf(axis, shape.length + 1), 0, 1);
    return tensor(shape, x!.data);
  },
  Squeeze: ({ x: [x, axes] }) => {
    const gone = [...axes!.data].map((axis) => axisOf(axis, x!.shape.length));
    return tensor(
      x!.shape.filter((_, axis) => !gone.includes(axis)),
      x!.data,
    );
  },
  Trilu: ({ x: [x, shift], number }) => {
    const [rows, columns] = [x!.shape.at(-2)!, x!.shape.at(-1)!];
    const k = shift?.data[0] ?? 0;
    return from(x!.shape, (i) => {
      const distance = (i % columns) - (Math.floor(i / columns) % rows);
      return (number('upper', 1) === 1 ? distance >= k : distance <= k) ? x!.data[i]! : 0;
    });
  },
  Shape: ({ x, number }) => {
    const shape = x[0]!.shape.slice(number('start', 0), number('end', x[0]!.shape.length));
    return tensor([shape.length], Float64Array.from(shape));
  },
  Mod: nary((a, b) => a - b * Math.floor(a / b)),
  Range: ({ x: [start, limit] }) => {
    const first = start!.data[0]!;
    return from([limit!.data[0]! - first], (i) => first + i);
  },
  NonZero: ({ x }) => {
    const { shape, data } = x[0]!;
    const found = [...data.keys()].filter((i) => data[i] !== 0);
    const strides = stridesOf(shape);
    const places = shape.flatMap((dim, axis) => found.map((i) => Math.floor(i / strides[axis]!) % dim));
    return tensor([shape.length, found.length], Float64Array.from(places));
  },
  ...attentionOperators,
  ...convolutions,
  ...recurrences,
};
