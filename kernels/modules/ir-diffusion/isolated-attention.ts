/** Isolation and reposition attention as a module. Equations: definition.ts. */
import type { Module, ModuleWeight, Tensors } from '../../module';
import { attention, joinHeads, linear, splitHeads } from '../../module-parts/layers';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { isolated, type IsolationParameters } from './definition';
import { isolationGraph } from './graph';
import { isolationPictures } from './pictures';
import * as field from '../../parameters';

const weights = (channels: number): readonly ModuleWeight[] => [
  ...linearWeights('to_q', channels, channels, false),
  ...linearWeights('to_k', channels, channels, false),
  ...linearWeights('to_v', channels, channels, false),
  ...linearWeights('to_out.0', channels, channels),
];

/** Boxes side by side in the target, and from the upper left corner in the references. */
function boxes({ subjects, height, width }: IsolationParameters, kind: 'target' | 'source'): Tensor {
  const mask = zeros([subjects, height, width]);
  return tensor(
    mask.shape,
    mask.data.map((_, at) => {
      const [s, row, column] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
      if (kind === 'source') return 2 * row < height && 2 * column < width ? 1 : 0;
      const share = width / subjects;
      return row >= height / 3 && column >= s * share && column < (s + 0.75) * share ? 1 : 0;
    }),
  );
}

/** The attention of the model without any of this. */
function plainOutput(
  { inputs, weights: given }: { readonly inputs: Tensors; readonly weights: Tensors },
  heads: number,
): Tensor {
  const target = inputs['target']!;
  const project = (name: string): Tensor => splitHeads(linear(target, weightOf(given, `${name}.weight`)), heads);
  const root = 1 / Math.sqrt(target.shape[2]! / heads);
  const read = joinHeads(attention(project('to_q'), project('to_k'), project('to_v'), root).output);
  return linear(read, weightOf(given, 'to_out.0.weight'), weightOf(given, 'to_out.0.bias'));
}

export const isolatedAttention: Module<IsolationParameters> = {
  id: 'isolated-attention',
  title: 'Isolation and reposition attention (IR-Diffusion)',
  kind: 'attention',
  summary:
    'Self-attention of an image with several subjects: tokens of one subject do not read those of another, and each subject reads its reference image, moved to where the subject is. It keeps subjects apart and alike without training.',
  source: {
    reference:
      'arXiv:2411.19261; attention_processor/DreamStoryScaledAttnProcessor.py of github.com/hehuiguo/DreamStory',
    trust: 'high',
    note: 'One layer of the target image; references use ordinary attention and are given as hidden states. Overlapping masks are made disjoint first. The dropout of mask tokens is drawn once. State dict: an attn1 of diffusers.',
  },
  parameters: {
    isolate: field.flag('Isolation', 'Subjects in the target do not read each other.', true),
    references: field.choice(
      'References',
      'none: the target reads itself. in-place: and the references as they are. reposition: and the references moved to its subjects.',
      { options: ['none', 'in-place', 'reposition'], default: 'reposition' },
    ),
    lambda: field.number('Added to reference scores', 'ref_sa_lambda, 0 as released.', {
      min: -20,
      max: 20,
      default: 0,
    }),
    dropout: field.number(
      'Mask dropout',
      'Share of the tokens of a subject that do not read its reference; 0.5 in the pipeline.',
      { min: 0, max: 1, default: 0 },
    ),
    subjects: field.integer('Subjects', 'One reference image each.', { min: 1, max: 8, default: 2 }),
    height: field.integer('Height', 'Rows of tokens.', { min: 1, max: 32, default: 12 }),
    width: field.integer('Width', 'Columns of tokens.', { min: 1, max: 32, default: 12 }),
    channels: field.integer('Channels', 'Width of a token.', { min: 1, max: 1280, default: 64 }),
    heads: field.integer('Heads', 'They divide the channels.', { min: 1, max: 20, default: 4 }),
  },
  refuse: ({ channels, heads }) =>
    channels % heads !== 0 ? `${channels} channels do not fall into ${heads} equal heads.` : undefined,
  inputs: ({ subjects, height, width, channels }) => [
    {
      name: 'target',
      kind: 'tokens',
      title: 'Target',
      description: '[1, height width, channels]',
      shape: [1, height * width, channels],
    },
    {
      name: 'references',
      kind: 'tokens',
      title: 'References',
      description: '[subjects, height width, channels], hidden states of the reference images',
      shape: [subjects, height * width, channels],
    },
    {
      name: 'regions',
      kind: 'mask',
      title: 'Subjects in the target',
      description: '[subjects, height, width]',
      shape: [subjects, height, width],
    },
    {
      name: 'sources',
      kind: 'mask',
      title: 'Subjects in their references',
      description: '[subjects, height, width]',
      shape: [subjects, height, width],
    },
  ],
  outputs: ({ subjects, height, width, channels, heads, references }) => [
    {
      name: 'output',
      title: 'Output',
      description: '[1, height width, channels]',
      shape: [1, height * width, channels],
    },
    {
      name: 'attention',
      title: 'Attention',
      description: '[1, heads, height width, keys], the references before the target',
      shape: [1, heads, height * width, (references === 'none' ? 1 : subjects + 1) * height * width],
    },
  ],
  weights: ({ channels }) => weights(channels),
  parametersOf(shapeOf) {
    const query = shapeOf('to_q.weight');
    return query ? { channels: query[0]! } : {};
  },
  reference(call, parameters) {
    const { output, attention: map } = isolated(call.inputs, call.weights, parameters);
    return { output, attention: map };
  },
  build: isolationGraph,
  cost({ subjects, height, width, channels, heads, references }) {
    const n = height * width;
    const others = references === 'none' ? 0 : subjects;
    const keys = (others + 1) * n;
    const count = parameterCount(weights(channels));
    const multiplyAdds = 2 * n * channels * channels + 2 * keys * channels * channels + 2 * n * keys * channels;
    return {
      multiplyAdds,
      // Six operations on a score, five on a number that says who reads whom.
      flops: 2 * multiplyAdds + 6 * heads * n * keys + 5 * n * keys,
      // Scores in six passes, biases in six; tokens moved, joined, projected and split.
      bytes:
        4 *
        (count +
          7 * heads * n * keys +
          6 * n * keys +
          channels * (8 * keys + 8 * n + 2 * subjects * n) +
          8 * subjects * n),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'tokens',
    sizes: [20, 25, 32].map((side) => ({ height: side, width: side, channels: 16, heads: 2 })),
    size: ({ height, width }) => height * width,
    exponent: 2,
  },
  plain: ({ height, width, channels, heads }) => ({
    batch: 1,
    queries: height * width,
    keys: height * width,
    width: channels,
    heads,
  }),
  limits: [
    {
      name: 'one subject and no references: plain attention',
      parameters: { subjects: 1, references: 'none', isolate: true },
      equals: (call, { heads }) => ({ output: plainOutput(call, heads) }),
      within: 0,
    },
    {
      name: 'references far below: plain attention where nothing is isolated',
      parameters: { references: 'in-place', isolate: false },
      call: ({ inputs, weights: given }) => ({
        inputs: {
          ...inputs,
          sources: tensor(inputs['sources']!.shape, new Float64Array(inputs['sources']!.data.length)),
        },
        weights: given,
      }),
      equals: (call, { heads }) => ({ output: plainOutput(call, heads) }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description:
        'Standard normal tokens; subjects side by side in the target, in the upper left quarter of their references.',
      draw: (parameters, seed) => {
        const n = parameters.height * parameters.width;
        return {
          target: normalTensor([1, n, parameters.channels], seedFor(seed, 'target')),
          references: normalTensor([parameters.subjects, n, parameters.channels], seedFor(seed, 'references')),
          regions: boxes(parameters, 'target'),
          sources: boxes(parameters, 'source'),
        };
      },
    },
  ],
  pictures: ({ inputs }, outputs, parameters) => isolationPictures(inputs, outputs['attention']!, parameters),
};
