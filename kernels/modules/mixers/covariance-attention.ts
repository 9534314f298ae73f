/**
 * Cross-covariance attention of XCiT: channels mix by statistics of the tokens, tokens do not. With q, k, v = x W of heads [d, n] (channels
 * first) and q^, k^ of length 1 over the tokens:
 *
 *   A = softmax over the last axis of temperature q^ k^^T [d, d]; y = A v; output = (heads joined) W_o + b.
 */
import { divide, maximum, multiply } from '../../graph/operators/elementwise';
import { reshape, slice, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceNorm, softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleCall, ModuleWeight } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { linear, mapped, matrixProduct, permuted, reshaped, sliced, softmax, turned } from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';
import { mixerInputs, mixerOutputs, mixerSamples, plainMixer, sizeParameters, type MixerSize } from './ports';
import { templateTable } from './template';
import * as field from '../../parameters';

interface Parameters extends MixerSize {
  readonly heads: number;
  readonly bias: boolean;
}

/** A column of zeros keeps its length (torch.nn.functional.normalize). */
const smallest = 1e-12;

const weightsOf = ({ width, heads, bias }: Parameters): readonly ModuleWeight[] => [
  ...linearWeights('qkv', 3 * width, width, bias),
  { name: 'temperature', shape: [heads, 1, 1], initial: { kind: 'constant', value: 1 } },
  ...linearWeights('proj', width, width),
];

/** Queries, keys and values [b, h, d, n]. */
function channelRows({ inputs, weights }: ModuleCall, { batch, tokens, width, heads }: Parameters) {
  const all = linear(inputs['x']!, weightOf(weights, 'qkv.weight'), weights['qkv.bias']);
  return [0, 1, 2].map((at) => {
    const part = sliced(all, 2, at * width, (at + 1) * width);
    return permuted(reshaped(part, [batch, tokens, heads, width / heads]), [0, 2, 3, 1]);
  }) as [Tensor, Tensor, Tensor];
}

const unitRows = (x: Tensor): Tensor => {
  const n = x.shape.at(-1)!;
  const lengths = Array.from({ length: x.data.length / n }, (_, row) =>
    Math.max(smallest, Math.hypot(...x.data.subarray(row * n, (row + 1) * n))),
  );
  return mapped(x, (value, at) => value / lengths[Math.floor(at / n)]!);
};

/** A [b, h, d, d] and the output. */
function covarianceAttention(call: ModuleCall, parameters: Parameters) {
  const { batch, tokens, width, heads } = parameters;
  const { weights } = call;
  const [query, key, value] = channelRows(call, parameters);
  const d = width / heads;
  const temperature = weightOf(weights, 'temperature').data;
  const scores = mapped(
    matrixProduct(unitRows(query), turned(unitRows(key))),
    (score, at) => score * temperature[Math.floor(at / (d * d)) % heads]!,
  );
  const attention = softmax(scores);
  const mixed = reshaped(permuted(matrixProduct(attention, value), [0, 3, 1, 2]), [batch, tokens, width]);
  return { attention, output: linear(mixed, weightOf(weights, 'proj.weight'), weights['proj.bias']) };
}

/** Values through the last layer: what is left where every channel reads itself alone. */
function valuesAlone(call: ModuleCall, parameters: Parameters, change: (value: Tensor) => Tensor): Tensor {
  const { batch, tokens, width } = parameters;
  const value = change(channelRows(call, parameters)[2]);
  const rows = reshaped(permuted(value, [0, 3, 1, 2]), [batch, tokens, width]);
  return linear(rows, weightOf(call.weights, 'proj.weight'), call.weights['proj.bias']);
}

export const covarianceMixing: Module<Parameters> = {
  id: 'covariance-attention',
  title: 'Cross-covariance attention (XCiT)',
  kind: 'attention',
  summary:
    'Channels attend to channels by how they vary together over the tokens, in place of tokens to tokens. Time grows with the number of tokens, whose order plays no part; no token reads another but through those statistics.',
  source: {
    reference:
      'arXiv:2106.09681, section 3; XCA in xcit.py (facebookresearch/xcit); a row of the template of arXiv:2302.06218',
    trust: 'high',
    note: 'The attention alone: XCiT has a local convolution of patches behind it.',
  },
  parameters: {
    ...sizeParameters(8192),
    heads: field.integer('Heads', 'h groups of channels.', { min: 1, max: 64, default: 4 }),
    bias: field.flag('Bias of queries, keys and values', 'On in the published models.', true),
  },
  refuse: ({ width, heads }) =>
    width % heads === 0 ? undefined : `${width} features do not divide into ${heads} heads.`,
  inputs: mixerInputs,
  outputs: (size) => [
    ...mixerOutputs(size),
    {
      name: 'attention',
      title: 'Attention between channels',
      description: '[batch, heads, d, d]; each row adds up to 1',
      shape: [size.batch, size.heads, size.width / size.heads, size.width / size.heads],
    },
  ],
  weights: weightsOf,
  parametersOf(shapeOf) {
    const [qkv, temperature] = [shapeOf('qkv.weight'), shapeOf('temperature')];
    if (!qkv || !temperature) return {};
    return { width: qkv[1]!, heads: temperature[0]!, bias: shapeOf('qkv.bias') !== undefined };
  },
  reference: covarianceAttention,
  build(graph, { batch, tokens, width, heads, bias }) {
    const d = width / heads;
    const all = linearLayer(graph.input('x'), graph.weight('qkv.weight'), bias ? graph.weight('qkv.bias') : undefined);
    const rows = (at: number): Value =>
      transpose(reshape(slice(all, 2, at * width, (at + 1) * width), [batch, tokens, heads, d]), [0, 2, 3, 1]);
    // In float16 the least length would be 0.
    const least = graph.precision === 'float16' ? 6e-8 : smallest;
    const unit = (x: Value): Value => divide(x, maximum(reduceNorm(x, [3]), least));
    const scores = fusedMatmul(unit(rows(0)), unit(rows(1)), { transposeB: true });
    const attention = softmaxOf(multiply(scores, graph.weight('temperature')));
    const mixed = reshape(transpose(matmul(attention, rows(2)), [0, 3, 1, 2]), [batch, tokens, width]);
    return { attention, output: linearLayer(mixed, graph.weight('proj.weight'), graph.weight('proj.bias')) };
  },
  cost(parameters) {
    const { batch, tokens: n, width: c, heads } = parameters;
    const d = c / heads;
    const multiplyAdds = batch * (4 * n * c * c + 2 * n * c * d);
    const count = parameterCount(weightsOf(parameters));
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * (10 * n * c + 8 * c * d),
      bytes: 4 * (count + batch * (32 * n * c + 6 * c * d)),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'tokens',
    sizes: [512, 1024, 2048].map((tokens) => ({ tokens })),
    size: ({ tokens }) => tokens,
    exponent: 1,
  },
  plain: plainMixer,
  limits: [
    {
      name: 'as many heads as channels: every channel reads itself, the values alone',
      parameters: { tokens: 5, width: 6, heads: 6, batch: 2 },
      equals: (call, parameters) => ({
        output: valuesAlone(call, parameters, (value) => value),
        attention: mapped(zeros([parameters.batch, 6, 1, 1]), () => 1),
      }),
    },
    {
      name: 'a temperature of 0: even attention, every channel of a head the mean of its values',
      parameters: { tokens: 5, width: 6, heads: 2, batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: { ...weights, temperature: mapped(weightOf(weights, 'temperature'), () => 0) },
      }),
      equals: (call, parameters) => ({
        output: valuesAlone(call, parameters, (value) =>
          mapped(value, (_, at) => {
            const [head, token] = [Math.floor(at / 15), at % 5];
            return [0, 1, 2].reduce((sum, x) => sum + value.data[head * 15 + x * 5 + token]! / 3, 0);
          }),
        ),
        attention: mapped(zeros([parameters.batch, 2, 3, 3]), () => 1 / 3),
      }),
    },
  ],
  samples: mixerSamples(),
  pictures(_call, outputs, { tokens: n, width, heads }) {
    const d = width / heads;
    return [
      {
        kind: 'heat-map',
        id: 'mixing',
        title: 'Which channel reads which, first head',
        caption: `From the data: channels that vary together over the tokens read each other. Even attention is ${(1 / d).toPrecision(2)}. There is no matrix over the tokens: each keeps its place, and in another order of tokens the map is the same.`,
        unit: '',
        definition: 'softmax over the channels read of temperature q^ . k^, both of length 1 over the tokens',
        scale: 'sequential',
        rows: { title: 'Reading channel' },
        columns: { title: 'Channel read' },
        values: rowsOf(outputs['attention']!.data.subarray(0, d * d), d, d),
      },
      templateTable(n, width, heads),
    ];
  },
};
