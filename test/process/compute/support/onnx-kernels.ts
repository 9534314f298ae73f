/** ONNX files as another program would export them, with named dimensions, and their descriptions: right ones, cheats and bad input. */
import { create, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema } from '../../../../kernels/graph/onnx_pb';

type Dim = string | number;
interface Value {
  readonly name: string;
  readonly dims: readonly Dim[];
  /** Code of the element type; 1: float32. */
  readonly type?: number;
}
interface Node {
  readonly op: string;
  readonly from: readonly string[];
  readonly to: string;
  readonly ints?: readonly [name: string, values: readonly number[]];
  readonly int?: readonly [name: string, value: number];
  readonly domain?: string;
}
interface Content {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly floats?: Readonly<Record<string, number>>;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

const info = ({ name, dims, type = 1 }: Value) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: type,
        shape: {
          dim: dims.map((dim) => ({
            value:
              typeof dim === 'string'
                ? { case: 'dimParam' as const, value: dim }
                : { case: 'dimValue' as const, value: BigInt(dim) },
          })),
        },
      },
    },
  },
});

const bytesOf = (numbers: Float32Array | BigInt64Array): Uint8Array => new Uint8Array(numbers.buffer);

function graphOf({ inputs, outputs, nodes, floats = {}, shapes = {} }: Content) {
  return create(GraphProtoSchema, {
    name: 'exported',
    input: inputs.map(info),
    output: outputs.map(info),
    initializer: [
      ...Object.entries(floats).map(([name, number]) => ({
        ...{ name, dims: [], dataType: 1, rawData: bytesOf(Float32Array.of(number)) },
      })),
      ...Object.entries(shapes).map(([name, shape]) => ({
        ...{ name, dims: [BigInt(shape.length)], dataType: 7 },
        rawData: bytesOf(BigInt64Array.from(shape, BigInt)),
      })),
    ],
    node: nodes.map(({ op, from, to, ints, int, domain = '' }) => ({
      ...{ name: to, opType: op, input: [...from], output: [to], domain },
      attribute: [
        ...(ints ? [{ name: ints[0], ints: ints[1].map(BigInt), type: 7 }] : []),
        ...(int ? [{ name: int[0], i: BigInt(int[1]), type: 2 }] : []),
      ],
    })),
  });
}

const model = (content: Content): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], graph: graphOf(content) }),
  );

const width = 16;
const [query, key, value] = [
  { name: 'key', dims: ['batch', 'heads', 'n', width] },
  { name: 'k', dims: ['batch', 'heads', 'm', width] },
  { name: 'v', dims: ['batch', 'heads', 'm', 'dv'] },
];
const out = { name: 'output', dims: ['batch', 'heads', 'n', 'dv'] };

/** softmax(q k^T / 4, changed by `scores`) v of heads-first tensors, from `q` to `to`. */
const attention = (q: string, k: string, v: string, to: string, scores: readonly Node[] = []): readonly Node[] => [
  { op: 'Transpose', from: [k], to: 'keys', ints: ['perm', [0, 1, 3, 2]] },
  { op: 'MatMul', from: [q, 'keys'], to: 'products' },
  { op: 'Mul', from: ['products', 'scale'], to: 'scaled' },
  ...scores,
  { op: 'Softmax', from: [scores.at(-1)?.to ?? 'scaled'], to: 'weights', int: ['axis', -1] },
  { op: 'MatMul', from: ['weights', v], to },
];

/** The query is called "key", as a name of the harness that means something else. */
const plain: Content = {
  inputs: [query, key, value],
  outputs: [out],
  nodes: attention('key', 'k', 'v', 'output'),
  floats: { scale: 0.25 },
};

const masked: Content = {
  ...plain,
  inputs: [query, key, value, { name: 'allowed', dims: ['n', 'm'], type: 9 }],
  nodes: attention('key', 'k', 'v', 'output', [{ op: 'Where', from: ['allowed', 'scaled', 'never'], to: 'left' }]),
  floats: { scale: 0.25, never: -Infinity },
};

const added: Content = {
  ...plain,
  inputs: [query, key, value, { name: 'bias', dims: ['batch', 1, 'n', 'm'] }],
  nodes: attention('key', 'k', 'v', 'output', [{ op: 'Add', from: ['scaled', 'bias'], to: 'left' }]),
};

/** Two heads side by side, which the graph takes apart. */
const joined: Content = {
  inputs: ['q', 'k', 'v'].map((name) => ({ name, dims: ['b', name === 'q' ? 'n' : 'm', 2 * width] })),
  outputs: [{ name: 'o', dims: ['b', 'n', 2 * width] }],
  nodes: [
    ...['q', 'k', 'v'].flatMap((name) => [
      { op: 'Reshape', from: [name, 'apart'], to: `${name}.apart` },
      { op: 'Transpose', from: [`${name}.apart`], to: `${name}.heads`, ints: ['perm', [0, 2, 1, 3]] as const },
    ]),
    ...attention('q.heads', 'k.heads', 'v.heads', 'by head'),
    { op: 'Transpose', from: ['by head'], to: 'by token', ints: ['perm', [0, 2, 1, 3]] },
    { op: 'Reshape', from: ['by token', 'together'], to: 'o' },
  ],
  floats: { scale: 0.25 },
  shapes: { apart: [0, 0, 2, width], together: [0, 0, 2 * width] },
};

/** [batch, tokens, heads, width]. */
const tokensFirst: Content = {
  inputs: ['q', 'k', 'v'].map((name) => ({ name, dims: ['b', name === 'q' ? 'n' : 'm', 'h', width] })),
  outputs: [{ name: 'o', dims: ['b', 'n', 'h', width] }],
  nodes: [
    ...['q', 'k', 'v'].map((name) => ({
      ...{ op: 'Transpose', from: [name], to: `${name}.heads`, ints: ['perm', [0, 2, 1, 3]] as const },
    })),
    ...attention('q.heads', 'k.heads', 'v.heads', 'by head'),
    { op: 'Transpose', from: ['by head'], to: 'o', ints: ['perm', [0, 2, 1, 3]] },
  ],
  floats: { scale: 0.25 },
};

interface Described {
  readonly description: Readonly<Record<string, unknown>>;
  readonly model: Uint8Array;
}

const described = (content: Content, more: Readonly<Record<string, unknown>> = {}): Described => ({
  description: {
    kind: 'headscope-kernel',
    version: 1,
    model: 'graph.onnx',
    inputs: { query: 'key', key: 'k', value: 'v' },
    layout: 'batch heads tokens width',
    patterns: ['noncausal-self', 'noncausal-cross'],
    reference: { mechanism: 'scaled-dot-product' },
    ...more,
  },
  model: model(content),
});

const selfPatterns = ['noncausal-self', 'causal-self'];
const qkv = { query: 'q', key: 'k', value: 'v' };
const window = (size: number) => ({ mechanism: 'sliding-window', parameters: { window: size } });
const withMask = { inputs: { query: 'key', key: 'k', value: 'v', mask: 'allowed' }, patterns: selfPatterns };

export const rightOnnx: Readonly<Record<string, Described>> = {
  plain: described(plain),
  'a window by a mask of true and false': described(masked, { ...withMask, reference: window(8) }),
  'a mask that is added': described(added, {
    inputs: { query: 'key', key: 'k', value: 'v', mask: 'bias' },
    patterns: selfPatterns,
  }),
  'heads side by side': described(joined, { inputs: qkv, layout: 'batch tokens width', heads: 2 }),
  'tokens before heads': described(tokensFirst, { inputs: qkv, layout: 'batch tokens heads width' }),
};

interface Planted extends Described {
  readonly said: RegExp;
}

const planted = (said: RegExp, content: Content, more?: Readonly<Record<string, unknown>>): Planted => ({
  ...described(content, more),
  said,
});
const otherBytes = (said: RegExp, bytes: Uint8Array): Planted => ({ ...described(plain), model: bytes, said });
const asModel = (more: Parameters<typeof create<typeof ModelProtoSchema>>[1]): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], ...more }),
  );
const elsewhere = graphOf(plain);
for (const each of elsewhere.initializer) {
  each.dataLocation = 1;
  each.rawData = new Uint8Array();
}

export const wrongOnnx: Readonly<Record<string, Planted>> = {
  'a scale that is not the definition': planted(/differs from the float64 reference by/, {
    ...plain,
    floats: { scale: 0.3 },
  }),
  'a mask of another window': planted(
    /differs from the float64 reference by/,
    { ...masked, nodes: attention('key', 'k', 'v', 'output') },
    {
      ...withMask,
      reference: window(8),
    },
  ),
  'numbers that do not depend on the inputs': planted(/differs from the float64 reference by/, {
    ...plain,
    nodes: [...attention('key', 'k', 'v', 'made'), { op: 'Sub', from: ['made', 'made'], to: 'output' }],
  }),
  'an output that is drawn': planted(/RandomNormalLike draws numbers/, {
    ...plain,
    nodes: [...attention('key', 'k', 'v', 'made'), { op: 'RandomNormalLike', from: ['made'], to: 'output' }],
  }),
  NaN: planted(/gives NaN at \d+ places/, {
    ...plain,
    nodes: [...attention('key', 'k', 'v', 'made'), { op: 'Sqrt', from: ['made'], to: 'output' }],
  }),
  'an output of another shape': planted(/shape|Reshape/, {
    ...plain,
    nodes: [
      ...attention('key', 'k', 'v', 'made'),
      { op: 'ReduceSum', from: ['made'], to: 'output', int: ['keepdims', 1] },
    ],
  }),
  'later keys that a causal pattern leaves out': planted(/differs from the float64 reference by/, plain, {
    patterns: ['causal-self'],
  }),
  'an operator of another domain': planted(/domain "my\.ops", which is not known here/, {
    ...plain,
    nodes: [{ op: 'FlashAttention', domain: 'my.ops', from: ['key', 'k', 'v'], to: 'output' }],
  }),
  'an operator that does not exist': planted(/FlashAttention/, {
    ...plain,
    nodes: [{ op: 'FlashAttention', from: ['key', 'k', 'v'], to: 'output' }],
  }),
  'weights in another file': otherBytes(
    /lies in another file\. Save the model in one file/,
    asModel({ graph: elsewhere }),
  ),
  'functions of its own': otherBytes(
    /functions of its own, such as Attend\. .*inline_local_functions/,
    asModel({
      graph: graphOf(plain),
      functions: [{ name: 'Attend', domain: 'here' }],
    }),
  ),
  'no ONNX': otherBytes(/graph\.onnx is no ONNX model|has no graph/, new TextEncoder().encode('{"attention": true}')),
  'an empty file': otherBytes(/has no graph/, new Uint8Array()),
  'other axes': planted(/input "key" has 4 axes, and the layout "batch tokens width" has 3/, plain, {
    layout: 'batch tokens width',
    heads: 2,
  }),
  float16: planted(/input "key" is float16, and float32 is needed/, {
    ...plain,
    inputs: [{ ...query, type: 10 }, key, value],
  }),
  'an input that is not there': planted(/no input "q", which is to take the query\. It has "key", "k", "v"/, plain, {
    inputs: qkv,
  }),
  'one input for two': planted(/is to take the query and the key/, plain, {
    inputs: { query: 'k', key: 'k', value: 'v' },
  }),
  'an input that nothing fills': planted(/input "allowed" that the description does not name/, masked),
  'an output that is not there': planted(/no output "y"/, plain, { output: 'y' }),
  'no heads': planted(/does not say how many heads there are\. Add "heads"/, joined, {
    inputs: qkv,
    layout: 'batch tokens width',
  }),
  'sizes that no shape has': planted(
    /supports none of the small shapes .* 3 along its axis 1/,
    {
      ...plain,
      inputs: [query, { ...key, dims: ['batch', 3, 'm', width] }, value],
    },
    { heads: 2, kvHeads: 2 },
  ),
  'an unknown mechanism': planted(/no mechanism "flash-9"/, plain, { reference: { mechanism: 'flash-9' } }),
  'a parameter out of range': planted(/window/i, plain, { reference: window(-1) }),
  'a weight that is not there': planted(/no weight "slopes": it has no weights/, plain, {
    inputs: { query: 'key', key: 'k', value: 'v', weights: { slopes: 'x' } },
  }),
  'an unknown pattern': planted(/patterns\[0\]/, plain, { patterns: ['diagonal'] }),
  'a model elsewhere': planted(/no \.onnx file beside this one/, plain, { model: '../graph.onnx' }),
  'a model that is not there': planted(/no file other\.onnx/, plain, { model: 'other.onnx' }),
  'another kind of file': planted(/kind/, plain, { kind: 'headscope-capture' }),
};
