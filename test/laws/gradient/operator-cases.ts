/** Small graphs of one operator each, in the forms that graphs use: broadcasting, axes, options. */
import {
  absolute,
  add,
  cast,
  clip,
  arctangent,
  cosine,
  divide,
  elu,
  errorFunction,
  exponential,
  gelu,
  greater,
  hyperbolicTangent,
  logarithm,
  maximum,
  minimum,
  multiply,
  negate,
  power,
  reciprocal,
  rectify,
  sigmoid,
  sine,
  softplus,
  squareRoot,
  subtract,
  where,
} from '../../../kernels/graph/operators/elementwise';
import {
  concat,
  expand,
  gather,
  gatherElements,
  pad,
  reshape,
  scatterElements,
  scatterRows,
  slice,
  split,
  squeeze,
  tile,
  transpose,
  triangle,
  unsqueeze,
} from '../../../kernels/graph/operators/layout';
import { groupQueryAttention, multiHeadAttention, rotaryEmbedding } from '../../../kernels/graph/operators/attention';
import { scan } from '../../../kernels/graph/operators/control';
import { depthwiseConvolution } from '../../../kernels/graph/operators/convolution';
import { fusedMatmul, gemm, matmul, matmulBlockwise } from '../../../kernels/graph/operators/matrix';
import { layerNormalization, rmsNormalization } from '../../../kernels/graph/operators/normalize';
import {
  cumulativeSum,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceNorm,
  reduceSum,
  softmax,
  topK,
} from '../../../kernels/graph/operators/reduce';
import {
  causalConvolution,
  linearAttention,
  type LinearAttentionOptions,
} from '../../../kernels/graph/operators/recurrence';
import { ints, type Value } from '../../../kernels/graph/records';
import { uniform, type GradientCase } from './check';

const of = (
  name: string,
  shapes: readonly (readonly number[])[],
  build: (...values: [Value, Value, Value, Value, Value]) => Value,
  more: Partial<GradientCase> = {},
): GradientCase => ({
  name,
  inputs: Object.fromEntries(shapes.map((shape, at) => [`x${at}`, shape])),
  build: (values) => build(...(Object.values(values) as [Value, Value, Value, Value, Value])),
  ...more,
});

const unary = (name: string, f: (x: Value) => Value, more: Partial<GradientCase> = {}): GradientCase =>
  of(name, [[2, 3]], f, more);
const positive = { inputs: { x: uniform([2, 3], 0.3, 3) } };

const elementwise: readonly GradientCase[] = [
  of('Add, a row', [[2, 3], [3]], (a, b) => add(a, b)),
  of(
    'Add, a column and a row',
    [
      [2, 1],
      [1, 3],
    ],
    (a, b) => add(a, b),
  ),
  of('Add to itself', [[2, 3]], (x) => add(x, x)),
  of('Sub, from a scalar', [[], [2, 3]], (a, b) => subtract(a, b)),
  of('Mul, a leading axis', [[3], [2, 2, 3]], (a, b) => multiply(a, b)),
  of('Mul by itself', [[2, 3]], (x) => multiply(x, x)),
  { ...of('Div, a column', [], (a, b) => divide(a, b)), inputs: { x0: [2, 3], x1: uniform([2, 1], 0.5, 2) } },
  { ...of('Pow, base and exponent', [], (a, b) => power(a, b)), inputs: { x0: uniform([2, 3], 0.5, 2), x1: [3] } },
  of('Min', [[2, 3], [3]], (a, b) => minimum(a, b), { kinks: true }),
  of(
    'Max',
    [
      [2, 3],
      [2, 1],
    ],
    (a, b) => maximum(a, b),
    { kinks: true },
  ),
  unary('Exp', exponential),
  { ...unary('Log', logarithm), ...positive },
  { ...unary('Sqrt', squareRoot), ...positive },
  { ...unary('Reciprocal', reciprocal), ...positive },
  unary('Neg', negate),
  unary('Abs', absolute, { kinks: true }),
  unary('Sigmoid', sigmoid),
  unary('Tanh', hyperbolicTangent),
  unary('Relu', rectify, { kinks: true }),
  unary('Erf', errorFunction),
  unary('Sin', sine),
  unary('Cos', cosine),
  unary('Atan', arctangent),
  unary('Softplus', softplus),
  unary('Elu', (x) => elu(x, 0.7), { kinks: true }),
  unary('Gelu', (x) => gelu(x, 'none')),
  unary('Gelu by tanh', (x) => gelu(x, 'tanh')),
  unary('Clip', (x) => clip(x, -0.5, 0.8), { kinks: true }),
  of('Where, both sides broadcast', [[3], [2, 1]], (a, b) => {
    const mask = a.graph.constant('float32', [2, 3], [1, 0, 1, 0, 0, 1]);
    return where(greater(mask, 0), a, b);
  }),
  unary('Cast', (x) => multiply(cast(cast(x, 'float16'), 'float32'), x), { onlyFloat64: true }),
  unary('Identity', (x) => x.graph.node('Identity', [x], [{ type: x.type, shape: x.shape }])[0]),
];

const indices = (x: Value, shape: readonly number[], numbers: readonly number[]): Value =>
  x.graph.constant('int64', shape, numbers);

const layout: readonly GradientCase[] = [
  of('Reshape', [[2, 6]], (x) => multiply(reshape(x, [3, 4]), reshape(x, [3, 4]))),
  of('Unsqueeze', [[2, 3]], (x) => unsqueeze(x, 1)),
  of('Squeeze', [[2, 1, 3]], (x) => squeeze(x, 1)),
  of('Transpose', [[2, 3, 4]], (x) => transpose(x, [2, 0, 1])),
  of(
    'Concat, a value twice',
    [
      [2, 2],
      [2, 3],
    ],
    (a, b) => concat([a, b, a], 1),
  ),
  of('Split, a part unused', [[2, 5]], (x) =>
    multiply(...(split(x, 1, [2, 1, 2]).filter((_, i) => i !== 1) as [Value, Value])),
  ),
  of('Slice', [[3, 5]], (x) => slice(x, 1, 1, 4)),
  of('Slice to the end', [[3, 5]], (x) => slice(x, 0, 1)),
  of('Pad', [[3, 2]], (x) => pad(x, 0, 2, 1, 0.5)),
  of('Gather, rows twice', [[4, 3]], (x) => gather(x, indices(x, [2, 2], [1, 3, 1, 0]))),
  of('Gather along a middle axis', [[2, 4, 3]], (x) => gather(x, indices(x, [3], [3, 3, 1]), 1)),
  of('Gather one', [[2, 4]], (x) => gather(x, indices(x, [], [2]), 1)),
  of('Gather, the first of two rows', [[2, 3]], (x) => gather(x, indices(x, [1], [0]))),
  of('GatherElements', [[3, 4]], (x) => gatherElements(x, indices(x, [3, 2], [1, 1, 0, 3, 2, 2]), 1)),
  of(
    'ScatterElements, put',
    [
      [3, 3],
      [2, 3],
    ],
    (x, u) => scatterElements(x, indices(x, [2, 3], [0, 2, 1, 1, 0, 2]), u, 0),
  ),
  of(
    'ScatterElements, add',
    [
      [3, 3],
      [2, 3],
    ],
    (x, u) => scatterElements(x, indices(x, [2, 3], [0, 2, 1, 0, 0, 1]), u, 0, 'add'),
  ),
  of(
    'ScatterND, put',
    [
      [4, 3],
      [2, 3],
    ],
    (x, u) => scatterRows(x, indices(x, [2, 1], [3, 0]), u),
  ),
  of(
    'ScatterND, add',
    [
      [4, 3],
      [3, 3],
    ],
    (x, u) => scatterRows(x, indices(x, [3, 1], [3, 0, 3]), u, 'add'),
  ),
  of('Expand', [[2, 1]], (x) => expand(x, [3, 2, 4])),
  of('Tile', [[2, 3]], (x) => tile(x, [2, 1])),
  of('Trilu', [[2, 3, 3]], (x) => triangle(x, 'lower', -1)),
];

const sums: readonly GradientCase[] = [
  of('ReduceSum', [[2, 3, 2]], (x) => reduceSum(x, [0, 2], false)),
  of('ReduceMean', [[2, 3, 2]], (x) => reduceMean(x, [1])),
  of('ReduceMax', [[2, 5]], (x) => reduceMax(x, [1], false), { kinks: true }),
  of('ReduceMin', [[2, 5]], (x) => reduceMin(x, [0]), { kinks: true }),
  of('ReduceL2', [[2, 5]], (x) => reduceNorm(x, [1])),
  of('Softmax', [[2, 4]], (x) => softmax(x)),
  of('Softmax along the first axis', [[4, 2]], (x) => softmax(x, 0)),
  of('CumSum', [[2, 4]], (x) => cumulativeSum(x, 1)),
  of('CumSum, exclusive and reversed', [[2, 4]], (x) => cumulativeSum(x, -1, { exclusive: true, reverse: true })),
  of('TopK', [[2, 5]], (x) => topK(x, 2, 1)[0], { kinks: true }),
  of('TopK, smallest', [[4, 2]], (x) => topK(x, 2, 0, false)[0], { kinks: true }),
];

const products: readonly GradientCase[] = [
  of(
    'MatMul, a shared weight',
    [
      [2, 3, 4],
      [4, 2],
    ],
    (a, b) => matmul(a, b),
  ),
  of(
    'MatMul, batches that broadcast',
    [
      [2, 1, 3, 2],
      [3, 2, 2],
    ],
    (a, b) => matmul(a, b),
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) =>
      of(
        `FusedMatMul${transposeA ? ', left turned' : ''}${transposeB ? ', right turned' : ''}`,
        [[2, ...(transposeA ? [4, 3] : [3, 4])], transposeB ? [5, 4] : [4, 5]],
        (a, b) => fusedMatmul(a, b, { transposeA, transposeB, scale: 0.3 }),
      ),
    ),
  ),
  of('Gemm', [[4, 3], [4, 2], [2]], (a, b, c) => gemm(a, b, c, { transposeA: true, alpha: 0.5, beta: 2 })),
  ...([4, 8] as const).flatMap((bits) =>
    [false, true].map((hasZeroPoints) =>
      of(`MatMulNBits of ${bits} bits${hasZeroPoints ? ' with zero points' : ''}`, [[2, 3, 40]], (x) => {
        const bytes = Array.from({ length: (3 * 2 * 32 * bits) / 8 }, (_, i) => (i * 37 + 11) % 256);
        const values = x.graph.constant('uint8', [3, 2, (32 * bits) / 8], bytes);
        const scales = x.graph.constant('float32', [6], [0.1, 0.2, 0.05, 0.3, 0.15, 0.25]);
        const zeros = Array.from({ length: (3 * 2 * bits) / 8 }, (_, i) => (i * 71 + 35) % 256);
        const zeroPoints = hasZeroPoints ? x.graph.constant('uint8', [zeros.length], zeros) : undefined;
        return matmulBlockwise(
          x,
          { inputs: 40, outputs: 3, bits, block: 32, values, scales, zeroPoints },
          hasZeroPoints ? 'float' : 'int8',
        );
      }),
    ),
  ),
  of('LayerNormalization', [[2, 5], [5], [5]], (x, gain, offset) => layerNormalization(x, gain, offset, 1e-5)),
  of('LayerNormalization without offset', [[2, 5], [5]], (x, gain) => layerNormalization(x, gain, undefined, 1e-3)),
  of('SimplifiedLayerNormalization', [[2, 3, 5], [5]], (x, gain) => rmsNormalization(x, gain, 1e-5)),
  of(
    'Conv of patches',
    [[1, 2, 5, 4], [3, 2, 2, 2], [3]],
    (x, weight, bias) =>
      x.graph.node('Conv', [x, weight, bias], [{ type: 'float32', shape: [1, 3, 2, 2] }], {
        kernel_shape: ints([2, 2]),
        strides: ints([2, 2]),
      })[0],
  ),
  of('Conv of each channel', [[2, 3, 4, 5], [3, 1, 3, 3], [3]], (x, weight, bias) =>
    depthwiseConvolution(x, weight, bias),
  ),
];

const band = (x: Value): Value => x.graph.constant('float32', [1, 1, 3, 4], [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0]);

const attention: readonly GradientCase[] = [
  of(
    'MultiHeadAttention',
    [
      [2, 3, 8],
      [2, 4, 8],
      [2, 4, 6],
    ],
    (q, k, v) => multiHeadAttention(q, k, v, { heads: 2, scale: 0.4, bias: band(q) }),
  ),
  of('MultiHeadAttention of one value', [[1, 4, 8]], (x) => multiHeadAttention(x, x, x, { heads: 2, causal: true })),
  ...[undefined, 2].map((window) =>
    of(
      `GroupQueryAttention on a cache${window === undefined ? '' : ', window and cap'}`,
      [
        [1, 2, 32],
        [1, 2, 16],
        [1, 2, 16],
        [1, 2, 3, 8],
        [1, 2, 3, 8],
      ],
      (q, k, v, pastKey, pastValue) =>
        groupQueryAttention(
          q,
          k,
          v,
          { key: pastKey, value: pastValue },
          q.graph.constant('int32', [1], [4]),
          q.graph.constant('int32', [], [5]),
          5,
          { heads: 4, kvHeads: 2, ...(window === undefined ? {} : { localWindow: window, softcap: 0.8 }) },
        )[0],
    ),
  ),
  ...[false, true].map((interleaved) =>
    of(`RotaryEmbedding${interleaved ? ', interleaved' : ''}`, [[1, 3, 16]], (x) =>
      rotaryEmbedding(
        x,
        indices(x, [1, 3], [2, 0, 3]),
        x.graph.constant('float32', [4, 2], [1, 1, 0.5, 0.9, -0.4, 0.7, -0.9, 0.5]),
        x.graph.constant('float32', [4, 2], [0, 0, 0.8, 0.3, 0.9, 0.6, 0.1, 0.8]),
        { heads: 2, interleaved, rotaryWidth: 4 },
      ),
    ),
  ),
];

const loops: readonly GradientCase[] = [
  of(
    'Scan: state, slices and a value around it',
    [
      [2, 3],
      [4, 2, 3],
      [3, 3],
    ],
    (state, rows, weight) => {
      const { states, outputs } = scan([state], [rows], ([s], [row]) => {
        const inner = s!.graph;
        const next = hyperbolicTangent(add(matmul(s!, { ...weight, graph: inner }), row!));
        return { states: [next], outputs: [multiply(next, s!)] };
      });
      return add(reduceSum(outputs[0]!, [0], false), multiply(states[0]!, 0.5));
    },
  ),
  of('Scan: outputs alone', [[2], [3, 2]], (state, rows) => {
    const { outputs } = scan([state], [rows], ([s], [row]) => {
      const next = add(multiply(s!, 0.5), row!);
      return { states: [next], outputs: [multiply(next, next)] };
    });
    return outputs[0]!;
  }),
];

/** LinearAttention on one text. The result is its output plus a weighted sum of the state that it leaves. */
const recurrence = (
  name: string,
  rule: LinearAttentionOptions['rule'],
  { queryHeads, keyHeads, heads }: Readonly<Record<'queryHeads' | 'keyHeads' | 'heads', number>>,
  length: number,
  more: { readonly past?: boolean; readonly rows?: boolean; readonly shared?: boolean; readonly scale?: number } = {},
): GradientCase => ({
  name: `LinearAttention, ${name}`,
  inputs: {
    query: [1, length, queryHeads * 2],
    key: uniform([1, length, keyHeads * 2], -0.9, 0.9),
    value: [1, length, heads],
    ...(rule.startsWith('gated') ? { decay: uniform([1, length, heads * (more.rows ? 2 : 1)], -1.5, 0) } : {}),
    ...(rule.endsWith('delta') ? { beta: uniform([1, length, more.shared ? 1 : heads], 0.1, 0.9) } : {}),
    ...(more.past ? { past: [1, heads, 2, 1] } : {}),
  },
  build({ query, key, value, decay, beta, past }) {
    const { output, state } = linearAttention(query!, key!, value!, {
      ...{ rule, queryHeads, heads, decay, beta, past },
      ...(more.scale === undefined ? {} : { scale: more.scale }),
    });
    const read = reduceSum(multiply(state, state.graph.constant('float32', [2, 1], [0.7, -1.3])), [2, 3], false);
    return add(output, reshape(read, [1, 1, heads]));
  },
});

const convolution = (name: string, activation: 'none' | 'silu', bias: boolean, past: boolean): GradientCase => ({
  name: `CausalConvWithState, ${name}`,
  inputs: {
    x: [2, 3, 5],
    weight: [3, 1, 4],
    ...(bias ? { bias: [3] } : {}),
    ...(past ? { past: [2, 3, 3] } : {}),
  },
  build({ x, weight, bias, past }) {
    const { output, state } = causalConvolution(x!, weight!, bias, past, activation);
    return add(output, reduceSum(multiply(state, 0.6), [2]));
  },
});

const recurrences: readonly GradientCase[] = [
  recurrence('linear', 'linear', { queryHeads: 1, keyHeads: 1, heads: 1 }, 4),
  recurrence('gated, in two blocks', 'gated', { queryHeads: 1, keyHeads: 1, heads: 1 }, 34, { past: true }),
  recurrence('gated, heads that share keys', 'gated', { queryHeads: 2, keyHeads: 1, heads: 4 }, 4, { scale: 0.5 }),
  recurrence('gated by rows, in two blocks', 'gated', { queryHeads: 1, keyHeads: 1, heads: 1 }, 18, {
    ...{ past: true, rows: true },
  }),
  recurrence('delta', 'delta', { queryHeads: 1, keyHeads: 2, heads: 2 }, 5, { shared: true }),
  recurrence('gated delta, in two blocks', 'gated_delta', { queryHeads: 1, keyHeads: 1, heads: 1 }, 34, {
    ...{ past: true, scale: 0.7 },
  }),
  recurrence('gated delta, two heads a key', 'gated_delta', { queryHeads: 1, keyHeads: 1, heads: 2 }, 6, {
    past: true,
  }),
  recurrence('gated delta by rows', 'gated_delta', { queryHeads: 1, keyHeads: 1, heads: 2 }, 5, { rows: true }),
  convolution('silu, a bias and a state', 'silu', true, true),
  convolution('neither', 'none', false, false),
];

export const operatorCases: readonly GradientCase[] = [
  ...elementwise,
  ...layout,
  ...sums,
  ...products,
  ...attention,
  ...loops,
  ...recurrences,
];
