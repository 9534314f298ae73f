/** One block of the vanilla SpectFormer, spectral or with attention (block.ts). */
import type { Module } from '../../module';
import { normalInputs } from '../../module-parts/draw';
import { headsFor } from '../../module-parts/plain-attention';
import { layerNorm } from '../../module-parts/layers';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { rowsOf } from '../../module-parts/pictures';
import type { Picture } from '../../picture';
import type { Tensor } from '../../tensors/tensor';
import {
  blockGraph,
  blockMultiplyAdds,
  blockOthers,
  blockReference,
  blockWeights,
  epsilon,
  selfAttention,
} from './block';
import { gatePictures } from './pictures';
import { sizeOfGate } from './spectral-gate';
import { zeros } from '../../tensors/tensor';
import { wavesOf } from './waves';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string> {
  readonly mixer: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly heads: number;
  readonly batch: number;
}

const inputs = ({ batch, height, width, channels }: Parameters) =>
  [
    {
      name: 'x',
      kind: 'tokens',
      title: 'Tokens',
      description: '[batch, height * width, channels], row by row of the grid',
      shape: [batch, height * width, channels],
    },
  ] as const;

export const spectformerBlock: Module<Parameters> = {
  id: 'spectformer-block',
  title: 'SpectFormer block',
  kind: 'block',
  summary:
    'A block of SpectFormer: in the first layers a gate in the frequency domain inside one residual, later ordinary attention with two. Choose either mixer over the same tokens and compare cost and time.',
  source: {
    reference:
      'arXiv:2304.06446; Block and Block_attention in vanilla_architecture/spectformer.py of github.com/badripatro/SpectFormers',
    trust: 'high',
    note: 'The spectral block has one residual around mixer and MLP, as in the code.',
  },
  parameters: {
    mixer: field.choice('Mixer', 'spectral: blocks before alpha; attention: the others.', {
      options: ['spectral', 'attention'],
      default: 'spectral',
    }),
    height: field.integer('Height', 'Rows of tokens.', { min: 1, max: 64, default: 14 }),
    width: field.integer('Width', 'Columns of tokens.', { min: 1, max: 64, default: 14 }),
    channels: field.integer('Channels', 'Width of a token.', { min: 1, max: 1024, default: 256 }),
    heads: field.integer(
      'Heads',
      'Of attention; 4 in the tiny, 6 in the small and 12 in the base network by a comment of the code.',
      { min: 1, max: 32, default: 4 },
    ),
    batch: field.integer('Batch', 'Grids in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ mixer, channels, heads }) =>
    mixer === 'attention' && channels % heads !== 0
      ? `${heads} heads do not divide ${channels} channels. Choose a divisor.`
      : undefined,
  inputs,
  outputs: ({ batch, height, width, channels }) => [
    {
      name: 'output',
      title: 'Tokens',
      description: '[batch, height * width, channels]',
      shape: [batch, height * width, channels],
    },
  ],
  weights: (parameters) => blockWeights(parameters.mixer, parameters),
  parametersOf(shapeOf) {
    const gate = shapeOf('filter.complex_weight');
    const qkv = shapeOf('attn.qkv.weight');
    if (gate) return { mixer: 'spectral', ...sizeOfGate(gate) };
    return qkv ? { mixer: 'attention', channels: qkv[1]! } : {};
  },
  reference: ({ inputs: given, weights }, parameters) => ({
    output: blockReference(given['x']!, weights, parameters.mixer, parameters),
  }),
  build: (graph, parameters) => ({ output: blockGraph(graph, graph.input('x'), parameters.mixer, parameters) }),
  cost(parameters) {
    const { mixer, batch, height, width, channels, heads } = parameters;
    const n = height * width;
    const count = parameterCount(blockWeights(mixer, parameters));
    const multiplyAdds = batch * blockMultiplyAdds(mixer, parameters);
    // Twelve passes over the hidden features, eight over the tokens; the mixer's own beside them.
    const own = mixer === 'spectral' ? 12 * n * channels : 4 * heads * n * n + 10 * n * channels;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * blockOthers(mixer, parameters),
      bytes: 4 * (count + batch * (20 * n * channels + own)),
      parameters: count,
    };
  },
  depth: () => 4,
  growth: {
    of: 'tokens, with attention',
    sizes: [32, 48, 64].map((side) => ({ mixer: 'attention', channels: 64, heads: 2, height: side, width: side })),
    size: ({ height, width }) => height * width,
    exponent: 1.9,
  },
  plain: ({ batch, height, width, channels }) => ({
    batch,
    queries: height * width,
    keys: height * width,
    width: channels,
    heads: headsFor(channels),
  }),
  limits: [
    {
      name: 'a gate of 0: every token gets what the MLP makes of its norm’s offset',
      parameters: { mixer: 'spectral' },
      call: ({ inputs: given, weights }) => ({
        inputs: given,
        weights: { ...weights, 'filter.complex_weight': zeros(weights['filter.complex_weight']!.shape) },
      }),
      equals: ({ inputs: given, weights }, { channels }) => ({ output: addedRow(given['x']!, weights, channels) }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers: the same energy at every frequency.',
      draw: (parameters, seed) => normalInputs({ inputs: () => inputs(parameters) }, parameters, seed),
    },
    {
      id: 'waves',
      title: 'Waves',
      description: 'Each channel is one wave over the grid, of a frequency and a phase of its own.',
      draw: (parameters, seed) => {
        const { shape } = inputs(parameters)[0];
        return { x: { shape, data: wavesOf(parameters, seed).data } };
      },
    },
  ],
  pictures({ inputs: given, weights }, _outputs, parameters): readonly Picture[] {
    const { mixer, width, heads } = parameters;
    if (mixer === 'spectral') return gatePictures(weightOf(weights, 'filter.complex_weight'), width);
    const x = given['x']!;
    const n = x.shape[1]!;
    const normal = layerNorm(x, weightOf(weights, 'norm1.weight'), weightOf(weights, 'norm1.bias'), epsilon);
    const { map } = selfAttention(normal, weights, heads);
    return Array.from({ length: Math.min(heads, 4) }, (_, head) => ({
      kind: 'heat-map',
      id: `attention-${head}`,
      title: `Attention of head ${head}`,
      caption: `Reading tokens down, read tokens across; even attention would be ${(1 / n).toPrecision(2)} everywhere.`,
      unit: '',
      definition: 'softmax over the read tokens of q . k / sqrt(d)',
      scale: 'sequential',
      rows: { title: 'Reading token' },
      columns: { title: 'Read token' },
      values: rowsOf(map.data.subarray(head * n * n, (head + 1) * n * n), n, n),
    }));
  },
};

/** x plus the same row everywhere: fc2 gelu(fc1 LN2(0)), where LN2 of zeros is its offset. Written out, number by number. */
function addedRow(x: Tensor, weights: Readonly<Record<string, Tensor>>, channels: number): Tensor {
  const offset = weights['norm2.bias']!.data;
  const [w1, b1, w2, b2] = ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'].map(
    (name) => weights[`mlp.${name}`]!.data,
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const hidden = Array.from(b1, (bias, out) => {
    let total = bias;
    for (let c = 0; c < channels; c++) total += w1[out * channels + c]! * offset[c]!;
    return total * normalDistribution(total);
  });
  const row = Array.from(b2, (bias, out) =>
    hidden.reduce((total, value, at) => total + w2[out * hidden.length + at]! * value, bias),
  );
  return { shape: x.shape, data: x.data.map((value, at) => value + row[at % channels]!) };
}

/** By Simpson's rule from 0, to 1e-13 for the sizes that come here. */
function normalDistribution(x: number): number {
  const steps = 2000;
  const h = x / steps;
  let total = 1 + Math.exp((-x * x) / 2);
  for (let at = 1; at < steps; at++) total += (at % 2 === 1 ? 4 : 2) * Math.exp(-((at * h) ** 2) / 2);
  return 0.5 + (total * h) / 3 / Math.sqrt(2 * Math.PI);
}
