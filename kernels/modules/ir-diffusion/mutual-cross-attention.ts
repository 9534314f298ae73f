/**
 * Mutual cross-attention (DreamStory, used by IR-Diffusion): with N target tokens, their own prompt and S prompts of subjects,
 *
 *   y_own = attention of the target to its own prompt, y_s = attention of the target to the prompt of subject s, same projections;
 *   token i in the masks of the subjects S_i: (1 - lambda) y_own + lambda mean over s in S_i of y_s; elsewhere y_own.
 *
 * The output projection is linear and the shares of a token add up to 1: it comes once, behind the mixture.
 */
import { divide, clip, greater, multiply, where } from '../../graph/operators/elementwise';
import { concat, reshape, transpose } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { reduceSum, softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { attention, joinHeads, linear, mapped, splitHeads } from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import * as field from '../../parameters';

export interface MutualParameters extends Record<string, number | string | boolean> {
  readonly lambda: number;
  readonly subjects: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly heads: number;
  readonly tokens: number;
  readonly textWidth: number;
}

const weights = ({ channels, textWidth }: MutualParameters): readonly ModuleWeight[] => [
  ...linearWeights('to_q', channels, channels, false),
  ...linearWeights('to_k', channels, textWidth, false),
  ...linearWeights('to_v', channels, textWidth, false),
  ...linearWeights('to_out.0', channels, channels),
];

/** What each token takes of its own prompt and of those of the subjects, [S + 1, N]; columns add up to 1. `regions` [S, h, w]. */
export function sharesOf(regions: Tensor, lambda: number): Tensor {
  const subjects = regions.shape[0]!;
  const n = regions.data.length / subjects;
  const covered = Float64Array.from({ length: n }, (_, i) =>
    Array.from({ length: subjects }, (_, s) => regions.data[s * n + i]!).reduce((a, b) => a + b, 0),
  );
  return mapped(zeros([subjects + 1, n]), (_, at) => {
    const [prompt, i] = [Math.floor(at / n), at % n];
    if (prompt === 0) return covered[i]! > 0 ? 1 - lambda : 1;
    return covered[i]! > 0 ? (lambda * regions.data[(prompt - 1) * n + i]!) / covered[i]! : 0;
  });
}

/** The target's attention to one prompt [L, D] before the output projection, [N, C], and its weights [1, H, N, L]. */
function readingOf(target: Tensor, prompt: Tensor, given: Tensors, heads: number) {
  const query = splitHeads(linear(target, weightOf(given, 'to_q.weight')), heads);
  const project = (name: string): Tensor => splitHeads(linear(prompt, weightOf(given, `${name}.weight`)), heads);
  const scale = 1 / Math.sqrt(target.shape[2]! / heads);
  const { output, weights: map } = attention(query, project('to_k'), project('to_v'), scale);
  return { output: joinHeads(output), map };
}

const promptOf = (prompts: Tensor, at: number): Tensor => {
  const [, tokens, width] = prompts.shape as [number, number, number];
  return tensor([1, tokens, width], prompts.data.slice(at * tokens * width, (at + 1) * tokens * width));
};

function mutual(inputs: Tensors, given: Tensors, { lambda, heads, subjects }: MutualParameters): Tensors {
  const target = inputs['target']!;
  const [, n, channels] = target.shape as [number, number, number];
  const shares = sharesOf(inputs['regions']!, lambda);
  const prompts = [inputs['prompt']!, ...Array.from({ length: subjects }, (_, s) => promptOf(inputs['subjects']!, s))];
  const mixed = zeros([1, n, channels]);
  prompts.forEach((prompt, p) => {
    const { output } = readingOf(target, prompt, given, heads);
    output.data.forEach((value, at) => {
      mixed.data[at]! += shares.data[p * n + Math.floor(at / channels)]! * value;
    });
  });
  return {
    output: linear(mixed, weightOf(given, 'to_out.0.weight'), weightOf(given, 'to_out.0.bias')),
    shares,
  };
}

function mutualGraph(graph: ModuleGraph, parameters: MutualParameters): Readonly<Record<string, Value>> {
  const { lambda, subjects, height, width, channels, heads } = parameters;
  const n = height * width;
  const prompts = concat([graph.input('prompt'), graph.input('subjects')], 0);
  const project = (x: Value, name: string): Value => {
    const rows = linearLayer(x, graph.weight(`${name}.weight`));
    const [batch, length] = [Number(x.shape[0]), Number(x.shape[1])];
    return transpose(reshape(rows, [batch, length, heads, channels / heads]), [0, 2, 1, 3]);
  };
  const [query, key, value] = [
    project(graph.input('target'), 'to_q'),
    project(prompts, 'to_k'),
    project(prompts, 'to_v'),
  ];
  const scores = fusedMatmul(query, key, { transposeB: true, scale: 1 / Math.sqrt(channels / heads) });
  const read = fusedMatmul(softmax(scores), value);
  const each = reshape(transpose(read, [0, 2, 1, 3]), [subjects + 1, n, channels]);
  const regions = reshape(graph.input('regions'), [subjects, n]);
  const covered = reduceSum(regions, [0]);
  const own = where(greater(covered, 0), graph.constant([1, 1], [1 - lambda]), graph.constant([1, 1], [1]));
  const others = multiply(divide(regions, clip(covered, 1, undefined)), lambda);
  const shares = concat([own, others], 0);
  const mixed = reduceSum(multiply(each, reshape(shares, [subjects + 1, n, 1])), [0]);
  return { output: linearLayer(mixed, graph.weight('to_out.0.weight'), graph.weight('to_out.0.bias')), shares };
}

/** Boxes that overlap in the middle, so that some tokens have two subjects and some none. */
function boxes({ subjects, height, width }: MutualParameters): Tensor {
  const share = width / subjects;
  return mapped(zeros([subjects, height, width]), (_, at) => {
    const [s, row, column] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
    return 3 * row >= height && column >= (s - 0.2) * share && column < (s + 1.2) * share ? 1 : 0;
  });
}

export const mutualCrossAttention: Module<MutualParameters> = {
  id: 'mutual-cross-attention',
  title: 'Mutual cross-attention (IR-Diffusion)',
  kind: 'attention',
  summary:
    'Each subject of an image reads a prompt of its own beside that of the whole image, inside its mask. What is said of one subject does not reach another, without training.',
  source: {
    reference: 'arXiv:2411.19261; arXiv:2407.12899; attention_processor of github.com/hehuiguo/DreamStory',
    trust: 'medium',
    note: 'Prompts are given as hidden states of the text encoder. Where masks overlap, the outputs of the subjects are averaged. State dict: an attn2 of diffusers.',
  },
  parameters: {
    lambda: field.number(
      'Lambda',
      'Share of the subject’s own prompt inside its mask: 0.9 as released, 0 is ordinary cross-attention.',
      { min: 0, max: 1, default: 0.9 },
    ),
    subjects: field.integer('Subjects', 'One prompt each.', { min: 1, max: 8, default: 2 }),
    height: field.integer('Height', 'Rows of tokens.', { min: 1, max: 64, default: 12 }),
    width: field.integer('Width', 'Columns of tokens.', { min: 1, max: 64, default: 12 }),
    channels: field.integer('Channels', 'Width of a token.', { min: 1, max: 1280, default: 64 }),
    heads: field.integer('Heads', 'They divide the channels.', { min: 1, max: 20, default: 4 }),
    tokens: field.integer('Text tokens', 'Of each prompt.', { min: 1, max: 512, default: 16 }),
    textWidth: field.integer('Text width', 'Width of a text token.', { min: 1, max: 4096, default: 48 }),
  },
  refuse: ({ channels, heads }) =>
    channels % heads !== 0 ? `${channels} channels do not fall into ${heads} equal heads.` : undefined,
  inputs: ({ subjects, height, width, channels, tokens, textWidth }) => [
    {
      name: 'target',
      kind: 'tokens',
      title: 'Target',
      description: '[1, height width, channels]',
      shape: [1, height * width, channels],
    },
    {
      name: 'prompt',
      kind: 'tokens',
      title: 'Prompt of the image',
      description: '[1, text tokens, text width]',
      shape: [1, tokens, textWidth],
    },
    {
      name: 'subjects',
      kind: 'tokens',
      title: 'Prompts of the subjects',
      description: '[subjects, text tokens, text width]',
      shape: [subjects, tokens, textWidth],
    },
    {
      name: 'regions',
      kind: 'mask',
      title: 'Subjects in the target',
      description: '[subjects, height, width]',
      shape: [subjects, height, width],
    },
  ],
  outputs: ({ subjects, height, width, channels }) => [
    {
      name: 'output',
      title: 'Output',
      description: '[1, height width, channels]',
      shape: [1, height * width, channels],
    },
    {
      name: 'shares',
      title: 'Shares of the prompts',
      description: '[subjects + 1, height width], the prompt of the image first; columns add up to 1',
      shape: [subjects + 1, height * width],
    },
  ],
  weights,
  parametersOf(shapeOf) {
    const [query, key] = [shapeOf('to_q.weight'), shapeOf('to_k.weight')];
    return { ...(query ? { channels: query[0]! } : {}), ...(key ? { textWidth: key[1]! } : {}) };
  },
  reference: ({ inputs, weights: given }, parameters) => mutual(inputs, given, parameters),
  build: mutualGraph,
  cost(parameters) {
    const { subjects, height, width, channels, heads, tokens, textWidth } = parameters;
    const n = height * width;
    const prompts = subjects + 1;
    const count = parameterCount(weights(parameters));
    const multiplyAdds =
      2 * n * channels ** 2 + 2 * prompts * tokens * textWidth * channels + 2 * prompts * n * tokens * channels;
    return {
      multiplyAdds,
      // Five operations on a score; each output of a prompt is weighed and added.
      flops: 2 * multiplyAdds + 5 * prompts * heads * n * tokens + 2 * prompts * n * channels,
      // Scores in five passes; outputs of the prompts written, transposed, weighed and added up.
      bytes:
        4 *
        (count +
          5 * prompts * heads * n * tokens +
          6 * prompts * n * channels +
          6 * n * channels +
          prompts * tokens * (3 * textWidth + 6 * channels) +
          6 * prompts * n),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'image tokens',
    sizes: [16, 24, 32].map((side) => ({ height: side, width: side })),
    size: ({ height, width }) => height * width,
    exponent: 1,
  },
  plain: ({ height, width, channels, heads, tokens }) => ({
    batch: 1,
    queries: height * width,
    keys: tokens,
    width: channels,
    heads,
  }),
  limits: [
    {
      name: 'lambda 0: ordinary cross-attention',
      parameters: { lambda: 0 },
      equals: ({ inputs, weights: given }, { heads }) => ({
        output: crossOutput(inputs, inputs['prompt']!, given, heads),
      }),
    },
    {
      name: 'lambda 1 and one subject everywhere: cross-attention to its prompt',
      parameters: { lambda: 1, subjects: 1 },
      call: ({ inputs, weights: given }) => ({
        inputs: { ...inputs, regions: mapped(inputs['regions']!, () => 1) },
        weights: given,
      }),
      equals: ({ inputs, weights: given }, { heads }) => ({
        output: crossOutput(inputs, inputs['subjects']!, given, heads),
      }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens and prompts; masks side by side that overlap a little.',
      draw: (parameters, seed) => {
        const { height, width, channels, subjects, tokens, textWidth } = parameters;
        return {
          target: normalTensor([1, height * width, channels], seedFor(seed, 'target')),
          prompt: normalTensor([1, tokens, textWidth], seedFor(seed, 'prompt')),
          subjects: normalTensor([subjects, tokens, textWidth], seedFor(seed, 'subjects')),
          regions: boxes(parameters),
        };
      },
    },
  ],
  pictures: (_, outputs, { subjects, height, width }) =>
    Array.from({ length: subjects + 1 }, (_, prompt) => ({
      kind: 'heat-map',
      id: prompt === 0 ? 'own' : `subject-${prompt}`,
      title: prompt === 0 ? 'Share of the image’s prompt' : `Share of the prompt of subject ${prompt}`,
      caption:
        prompt === 0
          ? 'Outside of all masks the image’s prompt alone is read.'
          : 'Inside its mask a subject reads its own prompt; where masks overlap they share.',
      unit: '',
      definition: 'share of the prompt in the output of each token; the shares of a token add up to 1',
      scale: 'sequential',
      rows: { title: 'Row' },
      columns: { title: 'Column' },
      values: rowsOf(outputs['shares']!.data.subarray(prompt * height * width), height, width),
    })),
};

/** The layer of the model without any of this, token by token. */
function crossOutput(inputs: Tensors, prompt: Tensor, given: Tensors, heads: number): Tensor {
  const target = inputs['target']!;
  const [q, k, v] = [
    linear(target, weightOf(given, 'to_q.weight')),
    linear(prompt, weightOf(given, 'to_k.weight')),
    linear(prompt, weightOf(given, 'to_v.weight')),
  ];
  const [, n, channels] = q.shape as [number, number, number];
  const d = channels / heads;
  const tokens = prompt.shape[1]!;
  const out = zeros([1, n, channels]);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < n; i++) {
      const powers = Array.from({ length: tokens }, (_, j) => {
        let score = 0;
        for (let c = h * d; c < (h + 1) * d; c++) score += q.data[i * channels + c]! * k.data[j * channels + c]!;
        return Math.exp(score / Math.sqrt(d));
      });
      const total = powers.reduce((a, b) => a + b, 0);
      for (let c = h * d; c < (h + 1) * d; c++) {
        out.data[i * channels + c] = powers.reduce((all, p, j) => all + (p / total) * v.data[j * channels + c]!, 0);
      }
    }
  }
  return linear(out, weightOf(given, 'to_out.0.weight'), weightOf(given, 'to_out.0.bias'));
}
