/** ConvFormer's attention as a module of its own (attention.ts). */
import type { Module } from '../../module';
import { attention, joinHeads, linear, mapped, reshaped, splitHeads } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor } from '../../tensors/tensor';
import {
  attentionGraph,
  attentionMultiplyAdds,
  attentionOthers,
  attentionReference,
  attentionTraffic,
  attentionWeights,
  fused,
  kernelSets,
  kernelsOf,
  projections,
  type AttentionSize,
} from './attention';
import { attentionPictures } from './pictures';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string | boolean> {
  readonly axis: string;
  readonly tokens: number;
  readonly channels: number;
  readonly heads: number;
  readonly kernels: string;
  readonly depthwise: boolean;
  readonly fuse: boolean;
  readonly batch: number;
}

const sizeOf = ({ axis, tokens, channels, heads, kernels, depthwise }: Parameters): AttentionSize => ({
  axis,
  tokens,
  channels,
  heads,
  kernels: kernelsOf(kernels),
  depthwise,
});

export const dmhcsa: Module<Parameters> = {
  id: 'dmhcsa',
  title: 'Dynamic convolutional self-attention (ConvFormer)',
  kind: 'attention',
  summary:
    'Multi-head attention whose queries, keys and values come from convolutions of several sizes, summed by learned shares, in place of linear layers. It saves parameters where there are few channels or few frames; over frames they grow with the square of the number of frames.',
  source: {
    reference: 'arXiv:2304.02147, section 3',
    trust: 'medium',
    note: 'No code or weights are published: names of weights are those of this module. Choices where the text is silent: shares are a softmax of logits, scores are divided by the root of the head width, and there is no projection behind the attention (which the published parameter counts suggest). Depthwise kernels are an addition of Headscope.',
  },
  parameters: {
    axis: field.choice(
      'Axis',
      'spatial: channels are features and kernels slide over the tokens (joints). temporal: channels are the tokens (frames) and kernels slide over the features.',
      { options: ['spatial', 'temporal'], default: 'spatial' },
    ),
    tokens: field.integer('Tokens', 'Joints or frames.', { min: 1, max: 512, default: 17 }),
    channels: field.integer('Channels', 'Features of a token.', { min: 1, max: 1088, default: 32 }),
    heads: field.integer('Heads', '8 as published.', { min: 1, max: 32, default: 8 }),
    kernels: field.choice('Kernel sizes', 'Of each of Q, K and V; 7,7,7 as published.', {
      options: kernelSets,
      default: '7,7,7',
    }),
    depthwise: field.flag(
      'Depthwise',
      'One kernel for each channel, which does not mix channels. Not in the paper; for many frames.',
      false,
    ),
    fuse: field.flag(
      'Fused kernels',
      'Sums the kernels before the run: one convolution of the largest size, with the same output.',
      false,
    ),
    batch: field.integer('Batch', 'Sets of tokens in a call.', { min: 1, max: 256, default: 1 }),
  },
  refuse: ({ channels, heads }) =>
    channels % heads === 0 ? undefined : `${channels} channels do not divide into ${heads} heads.`,
  inputs: ({ batch, tokens, channels }) => [
    {
      name: 'z',
      kind: 'tokens',
      title: 'Tokens',
      description: '[batch, tokens, channels]; the order of the joints matters',
      shape: [batch, tokens, channels],
    },
  ],
  outputs: ({ batch, tokens, channels }) => [
    {
      name: 'output',
      title: 'Mixed tokens',
      description: '[batch, tokens, channels], before the residual is added',
      shape: [batch, tokens, channels],
    },
  ],
  weights: (parameters) => attentionWeights(sizeOf(parameters)),
  parametersOf(shapeOf) {
    const count = shapeOf('eta')?.[1];
    if (count === undefined) return {};
    const sizes = Array.from({ length: count }, (_, i) => shapeOf(`q.${i}.weight`)?.[2]);
    const kernels = kernelSets.find((each) => each === sizes.join(','));
    return kernels === undefined ? {} : { kernels };
  },
  fold: (weights, parameters) => (parameters.fuse ? fused(weights, sizeOf(parameters)) : weights),
  reference: ({ inputs, weights }, parameters) => ({
    output: attentionReference(inputs['z']!, weights, sizeOf(parameters)).output,
  }),
  build: (graph, parameters) => ({
    output: attentionGraph(graph, graph.input('z'), sizeOf(parameters), parameters.fuse),
  }),
  cost(parameters) {
    const size = sizeOf(parameters);
    const { batch, fuse } = parameters;
    const count = parameterCount(attentionWeights(size));
    const multiplyAdds = batch * attentionMultiplyAdds(size, fuse);
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * attentionOthers(size, fuse),
      bytes: 4 * (count + batch * attentionTraffic(size, fuse)),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'frames',
    sizes: [96, 144, 192].map((tokens) => ({ axis: 'temporal', tokens, channels: 136, heads: 8 })),
    size: ({ tokens }) => tokens,
    exponent: 2,
  },
  plain: ({ batch, tokens, channels }) => ({
    batch,
    queries: tokens,
    keys: tokens,
    width: channels,
    heads: headsFor(channels),
  }),
  limits: [
    {
      name: 'one kernel of size 1 over joints: multi-head attention with linear layers',
      parameters: { axis: 'spatial', kernels: '1', tokens: 5, channels: 6, heads: 2, depthwise: false, fuse: false },
      equals({ inputs, weights }, { channels, heads }) {
        const [q, k, v] = projections.map((name) => {
          const matrix = reshaped(weightOf(weights, `${name}.0.weight`), [channels, channels]);
          return splitHeads(linear(inputs['z']!, matrix, weightOf(weights, `${name}.0.bias`)), heads);
        });
        return { output: joinHeads(attention(q!, k!, v!, 1 / Math.sqrt(channels / heads)).output) };
      },
    },
    {
      name: 'over frames, kernels that take the same frame and place alone: Q = K = V = z',
      parameters: {
        axis: 'temporal',
        kernels: '3,5,7',
        tokens: 4,
        channels: 6,
        heads: 2,
        depthwise: false,
        fuse: false,
      },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: Object.fromEntries(
          Object.entries(weights).map(([name, weight]) => {
            if (name === 'eta') return [name, weight];
            const [rows, , taps] = weight.shape as [number, number, number];
            if (taps === undefined) return [name, mapped(weight, () => 0)];
            const centre = (at: number): boolean => {
              const [o, c, u] = [Math.floor(at / (rows * taps)), Math.floor(at / taps) % rows, at % taps];
              return o === c && u === (taps - 1) / 2;
            };
            return [name, mapped(weight, (_, at) => (centre(at) ? 1 : 0))];
          }),
        ),
      }),
      equals({ inputs }, { channels, heads }) {
        const z = splitHeads(inputs['z']!, heads);
        return { output: joinHeads(attention(z, z, z, 1 / Math.sqrt(channels / heads)).output) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal numbers: no structure to attend to.',
      draw: ({ batch, tokens, channels }, seed) => ({ z: normalTensor([batch, tokens, channels], seed) }),
    },
    {
      id: 'repeating',
      title: 'Four rows in turn',
      description:
        'Every fourth token is alike but for noise, so that the attention map repeats every four rows and columns.',
      draw: ({ batch, tokens, channels }, seed) => {
        const rows = normalTensor([4, channels], seedFor(seed, 'rows'), 2).data;
        const noise = normalTensor([batch, tokens, channels], seedFor(seed, 'noise'), 0.1);
        const data = noise.data.map((value, at) => {
          const token = Math.floor(at / channels) % tokens;
          return value + rows[(token % 4) * channels + (at % channels)]!;
        });
        return { z: tensor(noise.shape, data) };
      },
    },
  ],
  pictures({ inputs, weights }, _outputs, parameters) {
    const size = sizeOf(parameters);
    const { map } = attentionReference(inputs['z']!, weights, size);
    return attentionPictures(map, weights, size, {
      id: '',
      of: '',
      position: parameters.axis === 'spatial' ? 'Joint' : 'Frame',
    });
  },
};
