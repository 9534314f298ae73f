/**
 * One test for each operator of the catalogue's graphs, by its ONNX type: seeded input, the operator, and what comes out in
 * float64. A software adapter of WebGPU was seen to be right for MatMul and wrong by 0.06 to 0.2 for the attention operators
 * from 64 positions up (onnxruntime 1.30 on mesa lavapipe, 2026-11), hence 128 positions here.
 */
import { groupQueryAttention, multiHeadAttention, rotaryEmbedding } from '../../kernels/graph/operators/attention';
import { borrow, conditional } from '../../kernels/graph/operators/conditional';
import { scan } from '../../kernels/graph/operators/control';
import { depthwiseConvolution } from '../../kernels/graph/operators/convolution';
import { nonZero, shapeOf } from '../../kernels/graph/operators/dynamic';
import * as elementwise from '../../kernels/graph/operators/elementwise';
import * as layout from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul, matmulBlockwise, type BlockwiseMatrix } from '../../kernels/graph/operators/matrix';
import { layerNormalization, rmsNormalization } from '../../kernels/graph/operators/normalize';
import {
  argMax,
  cumulativeSum,
  reduceMax,
  reduceMean,
  reduceSum,
  softmax,
  topK,
} from '../../kernels/graph/operators/reduce';
import { int, ints, type Value } from '../../kernels/graph/records';
import { gaussianUnit } from '../../kernels/mechanisms/wersa/filter';
import type { Tensor } from '../../kernels/tensors/tensor';
import * as exact from './exact-operators';

export interface OperatorInput {
  readonly shape: readonly number[];
  readonly type: 'float32' | 'bool' | 'int32' | 'int64';
  /** From a number drawn from the normal distribution, and its flat index. */
  readonly from: (normal: number, at: number) => number;
}

type Values<T> = Readonly<Record<string, T>>;

export interface OperatorTest {
  readonly inputs: Values<OperatorInput>;
  readonly build: (values: Values<Value>) => Value;
  readonly expected: (inputs: Values<Tensor>) => Tensor;
}

const normal = (...shape: readonly number[]): OperatorInput => ({ shape, type: 'float32', from: (x) => x });
const whole = (...shape: readonly number[]): OperatorInput => ({ shape, type: 'float32', from: Math.round });
const positive = (...shape: readonly number[]): OperatorInput => ({
  shape,
  type: 'float32',
  from: (x) => Math.abs(x) + 0.5,
});
const truths = (...shape: readonly number[]): OperatorInput => ({ shape, type: 'bool', from: (x) => Number(x > 0) });

const whole32 = (...shape: readonly number[]): OperatorInput => ({ ...whole(...shape), type: 'int32' });

const int64s = (like: Value, shape: readonly number[], numbers: readonly number[]): Value =>
  like.graph.constant('int64', shape, numbers);

const unary = (build: (x: Value) => Value, f: (x: number) => number, input = normal(3, 50, 70)): OperatorTest => ({
  inputs: { x: input },
  build: ({ x }) => build(x!),
  expected: ({ x }) => exact.each(x!, f),
});

/** The second operand is one row, which every row meets. */
const binary = (
  build: (a: Value, b: Value) => Value,
  f: (a: number, b: number) => number,
  input: (...shape: readonly number[]) => OperatorInput = normal,
): OperatorTest => ({
  inputs: { a: input(4, 30, 50), b: input(50) },
  build: ({ a, b }) => build(a!, b!),
  expected: ({ a, b }) => exact.each(a!, (x, at) => f(x, b!.data[at % 50]!)),
});

/** Numbers moved and not changed: `from` names, for each number that comes out, the flat index of the one it is. */
const moved = (
  input: OperatorInput,
  build: (x: Value) => Value,
  shape: readonly number[],
  from: (at: number) => number,
): OperatorTest => ({
  inputs: { x: input },
  build: ({ x }) => build(x!),
  expected: ({ x }) => exact.filled(shape, (at) => x!.data[from(at)] ?? 0),
});

const same = (at: number): number => at;
const [positions, heads, kvHeads, width] = [128, 4, 2, 32];
const sequence = (headCount: number) => normal(1, positions, headCount * width);
/** Rows 5, 0 and 3 of seven. */
const rows = [5, 0, 3];

/** A number from 0 to 255, and one from 0 to 15, for each place of a matrix. */
const byteAt = (at: number): number => (at * 37 + (at >> 5)) % 256;
const nibbleAt = (at: number): number => (at * 7 + (at >> 4)) % 16;

/** 72 outputs of 96 inputs. */
function integersOf({ graph }: Value, bits: 4 | 8): BlockwiseMatrix {
  const numbers = Array.from({ length: (72 * 96 * bits) / 8 }, (_, at) =>
    bits === 8 ? byteAt(at) : nibbleAt(2 * at) + 16 * nibbleAt(2 * at + 1),
  );
  return {
    ...{ inputs: 96, outputs: 72, bits, block: 32 },
    values: graph.constant('uint8', [72, 3, 4 * bits], numbers),
    scales: graph.constant('float32', [72 * 3], new Array<number>(72 * 3).fill(bits === 8 ? 5e-4 : 5e-3)),
  };
}

const floatTests = {
  MatMul: {
    inputs: { a: normal(2, 96, 160), b: normal(2, 160, 72) },
    build: ({ a, b }) => matmul(a!, b!),
    expected: ({ a, b }) => exact.matmul(a!, b!),
  },
  FusedMatMul: {
    inputs: { a: normal(2, 96, 160), b: normal(2, 72, 160) },
    build: ({ a, b }) => fusedMatmul(a!, b!, { transposeB: true, scale: 0.25 }),
    expected: ({ a, b }) => exact.each(exact.matmul(a!, exact.swapLastAxes(b!)), (x) => x / 4),
  },
  MatMulNBits: {
    inputs: { x: normal(24, 96) },
    build: ({ x }) =>
      elementwise.add(matmulBlockwise(x!, integersOf(x!, 8), 'int8'), matmulBlockwise(x!, integersOf(x!, 4), 'int8')),
    expected({ x }) {
      const weight = exact.filled([1, 72, 96], (at) => ((byteAt(at) - 128) * 5 + (nibbleAt(at) - 8) * 50) * 1e-4);
      const product = exact.matmul({ ...x!, shape: [1, 24, 96] }, exact.swapLastAxes(weight));
      return { ...product, shape: [24, 72] };
    },
  },
  Softmax: {
    inputs: { x: normal(4, 64, 200) },
    build: ({ x }) => softmax(x!),
    expected: ({ x }) => exact.softmax(x!),
  },
  LayerNormalization: {
    inputs: { x: normal(40, 96), gain: normal(96), offset: normal(96) },
    build: ({ x, gain, offset }) => layerNormalization(x!, gain!, offset, 1e-5),
    expected: ({ x, gain, offset }) => exact.layerNormalization(x!, gain!, offset!, 1e-5),
  },
  SimplifiedLayerNormalization: {
    inputs: { x: normal(40, 96), gain: normal(96) },
    build: ({ x, gain }) => rmsNormalization(x!, gain!, 1e-5),
    expected: ({ x, gain }) => exact.rmsNormalization(x!, gain!, 1e-5),
  },
  MultiHeadAttention: {
    inputs: { q: sequence(heads), k: sequence(heads), v: sequence(heads) },
    build: ({ q, k, v }) => multiHeadAttention(q!, k!, v!, { heads }),
    expected: ({ q, k, v }) => exact.attention(q!, k!, v!, { heads, kvHeads: heads, causal: false }),
  },
  GroupQueryAttention: {
    inputs: { q: sequence(heads), k: sequence(kvHeads), v: sequence(kvHeads) },
    build({ q, k, v }) {
      const lengths = q!.graph.constant('int32', [1], [positions - 1]);
      const total = q!.graph.constant('int32', [], [positions]);
      return groupQueryAttention(q!, k!, v!, undefined, lengths, total, positions, { heads, kvHeads })[0];
    },
    expected: ({ q, k, v }) => exact.attention(q!, k!, v!, { heads, kvHeads, causal: true }),
  },
  Attention: {
    inputs: { q: sequence(heads), k: sequence(kvHeads), v: sequence(kvHeads) },
    build: ({ q, k, v }) =>
      q!.graph.node('Attention', [q, k, v], [{ type: 'float32', shape: [1, positions, heads * width] }], {
        is_causal: int(1),
        q_num_heads: int(heads),
        kv_num_heads: int(kvHeads),
      })[0],
    expected: ({ q, k, v }) => exact.attention(q!, k!, v!, { heads, kvHeads, causal: true }),
  },
  RotaryEmbedding: {
    inputs: { x: normal(2, 24, 8), cosines: normal(24, 4), sines: normal(24, 4) },
    build({ x, cosines, sines }) {
      const ids = Array.from({ length: 48 }, (_, at) => at % 24);
      return rotaryEmbedding(x!, int64s(x!, [2, 24], ids), cosines!, sines!, { heads: 1 });
    },
    expected: ({ x, cosines, sines }) => exact.rotaryHalves(x!, cosines!, sines!),
  },
  Conv: {
    inputs: { x: normal(2, 5, 40), kernel: normal(5, 1, 3) },
    build: ({ x, kernel }) => depthwiseConvolution(x!, kernel!, undefined),
    expected: ({ x, kernel }) => exact.depthwiseConvolution(x!, kernel!),
  },

  // Squares of 2 x 2 side by side, the inverse of cutting into patches.
  ConvTranspose: {
    inputs: { x: normal(1, 3, 4, 5), kernel: normal(3, 2, 2, 2) },
    build: ({ x, kernel }) =>
      x!.graph.node('ConvTranspose', [x, kernel], [{ type: 'float32', shape: [1, 2, 8, 10] }], {
        kernel_shape: ints([2, 2]),
        strides: ints([2, 2]),
      })[0],
    expected: ({ x, kernel }) =>
      exact.filled([1, 2, 8, 10], (at) => {
        const [channel, row, column] = [Math.floor(at / 80), Math.floor((at % 80) / 10), at % 10];
        const cell = 5 * Math.floor(row / 2) + Math.floor(column / 2);
        const tap = 4 * channel + 2 * (row % 2) + (column % 2);
        return [0, 1, 2].reduce((sum, c) => sum + x!.data[20 * c + cell]! * kernel!.data[8 * c + tap]!, 0);
      }),
  },

  Add: binary(elementwise.add, (a, b) => a + b),
  Sub: binary(elementwise.subtract, (a, b) => a - b),
  Mul: binary(elementwise.multiply, (a, b) => a * b),
  Div: binary(elementwise.divide, (a, b) => a / b, positive),
  Max: binary(elementwise.maximum, Math.max),
  Min: binary(elementwise.minimum, Math.min),
  Less: binary(elementwise.less, (a, b) => Number(a < b)),
  LessOrEqual: binary(elementwise.lessOrEqual, (a, b) => Number(a <= b), whole32),
  Greater: binary(elementwise.greater, (a, b) => Number(a > b)),
  Equal: binary(elementwise.equal, (a, b) => Number(a === b), whole),
  And: binary(elementwise.and, (a, b) => Number(a === 1 && b === 1), truths),
  Or: binary(elementwise.or, (a, b) => Number(a === 1 || b === 1), truths),
  Exp: unary(elementwise.exponential, Math.exp),
  Log: unary(elementwise.logarithm, Math.log, positive(60, 70)),
  Sqrt: unary(elementwise.squareRoot, Math.sqrt, positive(60, 70)),
  Reciprocal: unary(elementwise.reciprocal, (x) => 1 / x, positive(60, 70)),
  Abs: unary(elementwise.absolute, Math.abs),
  Neg: unary(elementwise.negate, (x) => -x),
  Sigmoid: unary(elementwise.sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  Softplus: unary(elementwise.softplus, (x) => Math.log1p(Math.exp(x))),
  Tanh: unary(elementwise.hyperbolicTangent, Math.tanh),
  Sin: unary(elementwise.sine, Math.sin),
  Cos: unary(elementwise.cosine, Math.cos),
  Atan: unary(elementwise.arctangent, Math.atan),
  Relu: unary(elementwise.rectify, (x) => Math.max(x, 0)),
  Elu: unary(
    (x) => elementwise.elu(x),
    (x) => (x > 0 ? x : Math.expm1(x)),
  ),
  Gelu: unary((x) => elementwise.gelu(x, 'none'), gaussianUnit),
  Erf: unary(elementwise.errorFunction, (x) => (2 * gaussianUnit(Math.SQRT2 * x)) / (Math.SQRT2 * x) - 1),
  Identity: unary((x) => x, same),
  IsNaN: unary(elementwise.isNaNumber, (x) => Number(Number.isNaN(x)), {
    ...normal(60, 70),
    from: (x) => (x > 1 ? Number.NaN : x),
  }),
  Cast: unary((x) => elementwise.cast(x, 'float32'), same, truths(60, 70)),
  Where: {
    inputs: { condition: truths(40, 60), yes: normal(40, 60), no: normal(60) },
    build: ({ condition, yes, no }) => elementwise.where(condition!, yes!, no!),
    expected: ({ condition, yes, no }) =>
      exact.each(condition!, (holds, at) => (holds ? yes!.data[at]! : no!.data[at % 60]!)),
  },

  Transpose: {
    inputs: { x: normal(5, 33, 40) },
    build: ({ x }) => layout.transpose(x!, [1, 0, 2]),
    expected: ({ x }) => exact.swapFirstAxes(x!),
  },
  Reshape: moved(normal(6, 40), (x) => layout.reshape(x, [8, 30]), [8, 30], same),
  Unsqueeze: moved(normal(6, 40), (x) => layout.unsqueeze(x, 1), [6, 1, 40], same),
  Squeeze: moved(normal(6, 1, 40), (x) => layout.squeeze(x, 1), [6, 40], same),
  Slice: moved(
    normal(6, 40),
    (x) => layout.slice(x, 0, 2, 5),
    [3, 40],
    (at) => at + 80,
  ),
  Concat: moved(
    normal(6, 40),
    (x) => layout.concat([x, x], 0),
    [12, 40],
    (at) => at % 240,
  ),
  Expand: moved(
    normal(7, 1, 5),
    (x) => layout.expand(x, [7, 9, 5]),
    [7, 9, 5],
    (at) => 5 * Math.floor(at / 45) + (at % 5),
  ),
  Pad: moved(
    normal(6, 40),
    (x) => layout.pad(x, 0, 1, 2),
    [9, 40],
    (at) => (at < 40 ? -1 : at - 40),
  ),
  Trilu: moved(
    normal(30, 30),
    (x) => layout.triangle(x, 'lower', 1),
    [30, 30],
    (at) => (at % 30 <= Math.floor(at / 30) + 1 ? at : -1),
  ),
  Gather: moved(
    normal(7, 40),
    (x) => layout.gather(x, int64s(x, [3], rows), 0),
    [3, 40],
    (at) => rows[Math.floor(at / 40)]! * 40 + (at % 40),
  ),
  GatherElements: moved(
    normal(7, 3),
    (x) => layout.gatherElements(x, int64s(x, [1, 3], rows), 0),
    [1, 3],
    (at) => rows[at]! * 3 + at,
  ),
  ScatterElements: {
    inputs: { x: normal(7, 3), updates: normal(1, 3) },
    build: ({ x, updates }) => layout.scatterElements(x!, int64s(x!, [1, 3], rows), updates!, 0),
    expected: ({ x, updates }) =>
      exact.each(x!, (old, at) => (rows[at % 3] === Math.floor(at / 3) ? updates!.data[at % 3]! : old)),
  },
  ScatterND: {
    inputs: { x: normal(7, 40), updates: normal(3, 40) },
    build: ({ x, updates }) => layout.scatterRows(x!, int64s(x!, [3, 1], rows), updates!),
    expected: ({ x, updates }) =>
      exact.each(x!, (old, at) => updates!.data[rows.indexOf(Math.floor(at / 40)) * 40 + (at % 40)] ?? old),
  },
  Shape: {
    inputs: { x: normal(6, 40) },
    build: ({ x }) => shapeOf(x!),
    expected: () => exact.filled([2], (at) => [6, 40][at]!),
  },
  NonZero: {
    inputs: { x: { ...normal(60), from: (_, at) => at % 3 } },
    build: ({ x }) => nonZero(x!, 40),
    expected: () => exact.filled([1, 40], (at) => 3 * Math.floor(at / 2) + (at % 2) + 1),
  },

  CumSum: {
    inputs: { x: normal(3, 100) },
    build: ({ x }) => cumulativeSum(x!, 1),
    expected: ({ x }) => exact.cumulativeSum(x!),
  },
  ReduceSum: {
    inputs: { x: normal(30, 90) },
    build: ({ x }) => reduceSum(x!, [1]),
    expected: ({ x }) => exact.reduced(x!, (row) => row.reduce((sum, value) => sum + value, 0)),
  },
  ReduceMean: {
    inputs: { x: normal(30, 90) },
    build: ({ x }) => reduceMean(x!, [1]),
    expected: ({ x }) => exact.reduced(x!, (row) => row.reduce((sum, value) => sum + value, 0) / row.length),
  },
  ReduceMax: {
    inputs: { x: normal(30, 90) },
    build: ({ x }) => reduceMax(x!, [1]),
    expected: ({ x }) => exact.reduced(x!, (row) => Math.max(...row)),
  },
  ArgMax: {
    inputs: { x: normal(30, 90) },
    build: ({ x }) => argMax(x!, 1, true),
    expected: ({ x }) => exact.reduced(x!, (row) => row.indexOf(Math.max(...row))),
  },
  TopK: {
    inputs: { x: normal(30, 90) },
    build: ({ x }) => topK(x!, 5, 1)[0],
    expected: ({ x }) => exact.largest(x!, 5),
  },
  If: {
    inputs: { x: normal(20, 30), holds: { shape: [], type: 'bool', from: () => 1 } },
    build({ x, holds }) {
      const [value] = conditional(
        holds!,
        (branch) => [elementwise.multiply(borrow(branch, x!), 2)],
        (branch) => [borrow(branch, x!)],
      );
      return elementwise.add(value!, x!);
    },
    expected: ({ x }) => exact.each(x!, (value) => 3 * value),
  },
  Scan: {
    inputs: { x: normal(20, 30) },
    build({ x }) {
      const start = layout.slice(elementwise.multiply(x!, 0), 0, 0, 1);
      const sums = scan([layout.reshape(start, [30])], [x!], ([state], [slice]) => {
        const sum = elementwise.add(state!, slice!);
        return { states: [sum], outputs: [sum] };
      });
      return sums.outputs[0]!;
    },
    expected: ({ x }) => exact.swapLastAxes(exact.cumulativeSum(exact.swapLastAxes(x!))),
  },
} satisfies Readonly<Record<string, OperatorTest>>;

/** The same on whole numbers of eight bytes. */
const onInt64 = ({ inputs, build, expected }: OperatorTest): OperatorTest => ({
  inputs: Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, from }]) => [
      name,
      { shape, type: 'int64' as const, from: (x: number, at: number) => Math.round(4 * from(x, at)) },
    ]),
  ),
  build,
  expected,
});

const int64Tests = Object.fromEntries(
  (
    [
      ...(['Add', 'Sub', 'Mul', 'Cast', 'Less', 'Equal', 'CumSum', 'TopK', 'Shape', 'Reshape', 'Transpose'] as const),
      ...([
        'Squeeze',
        'Unsqueeze',
        'Slice',
        'Concat',
        'Expand',
        'Gather',
        'GatherElements',
        'ScatterElements',
      ] as const),
    ] as const
  ).map((name) => [`${name} int64`, onInt64(floatTests[name])]),
);

/** By the names that kernels/graph/operators-of.ts gives. */
export const operatorTests: Readonly<Record<string, OperatorTest>> = {
  ...floatTests,
  ...int64Tests,
  'Div int64': onInt64(binary(elementwise.divide, (a, b) => Math.trunc(a / b), positive)),
};
