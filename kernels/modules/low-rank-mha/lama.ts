/**
 * Low-rank multi-head attention (LAMA) pools words into m rows. With H [b, n, d], P and Q [d, m r] and a context c [d]:
 *
 *   s_k,i = act(sum over the r columns of head k of (P^T c) * (Q^T h_i)); s_i <- s_i / |s_i| over the m heads;
 *   A = softmax over words of s / temperature [b, m, n]; output = A H [b, m, d].
 */
import { add, divide, hyperbolicTangent, maximum, multiply, subtract } from '../../graph/operators/elementwise';
import { reshape } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceMean, reduceNorm, reduceSum, softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleCall, ModuleWeight } from '../../module';
import { headsFor } from '../../module-parts/plain-attention';
import { mapped, matrixProduct, permuted, reshaped, softmax, turned } from '../../module-parts/layers';
import { evenly, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { lamaPictures } from './pictures';
import * as field from '../../parameters';

export interface LamaParameters extends Record<string, number | string | boolean> {
  readonly words: number;
  readonly width: number;
  readonly heads: number;
  readonly context: string;
  readonly activation: string;
  readonly l2: boolean;
  readonly rank: number;
  readonly temperature: number;
  readonly batch: number;
}

/** Below it a word's scores are not scaled to length 1: a row of zeros stays one. */
export const smallest = 1e-6;

function weightsOf({ width, heads, rank, context }: LamaParameters): readonly ModuleWeight[] {
  return [
    { name: '_p', shape: [width, heads * rank], initial: evenly(width) },
    { name: '_q', shape: [width, heads * rank], initial: evenly(width) },
    ...(context === 'learned'
      ? [{ name: '_c', shape: [width, 1], initial: { kind: 'normal', deviation: 1 } } as const]
      : []),
  ];
}

/** c of every sentence [b, d]. */
function contextOf({ inputs, weights }: ModuleCall, { context, batch, words, width }: LamaParameters): Tensor {
  const c = zeros([batch, width]);
  if (context === 'learned') return mapped(c, (_, at) => weightOf(weights, '_c').data[at % width]!);
  const from = inputs[context === 'mean' ? 'h' : 'other']!;
  for (let b = 0; b < batch; b++) {
    const kept = Array.from({ length: words }, (_, i) => i).filter(
      (i) => context !== 'mean' || inputs['mask']!.data[b * words + i] === 1,
    );
    for (const i of kept) {
      for (let k = 0; k < width; k++) c.data[b * width + k]! += from.data[(b * words + i) * width + k]! / kept.length;
    }
  }
  return c;
}

/** Scores before the softmax [b, m, n], without mask and temperature. */
export function lamaScores(call: ModuleCall, parameters: LamaParameters): Tensor {
  const { batch, words, width, heads, rank, activation, l2 } = parameters;
  const query = matrixProduct(contextOf(call, parameters), weightOf(call.weights, '_p'));
  const keys = matrixProduct(reshaped(call.inputs['h']!, [batch * words, width]), weightOf(call.weights, '_q'));
  const scores = zeros([batch, words, heads]);
  keys.data.forEach((value, at) => {
    const [row, column] = [Math.floor(at / (heads * rank)), at % (heads * rank)];
    const head = Math.floor(column / rank);
    scores.data[row * heads + head]! += value * query.data[Math.floor(row / words) * heads * rank + column]!;
  });
  const active = activation === 'tanh' ? mapped(scores, Math.tanh) : scores;
  if (!l2) return permuted(active, [0, 2, 1]);
  const length = (row: number): number =>
    Math.max(smallest, Math.hypot(...active.data.subarray(row * heads, (row + 1) * heads)));
  return permuted(
    mapped(active, (value, at) => value / length(Math.floor(at / heads))),
    [0, 2, 1],
  );
}

export function lamaReference(call: ModuleCall, parameters: LamaParameters) {
  const { heads, words, temperature } = parameters;
  const mask = call.inputs['mask']!.data;
  const scores = mapped(lamaScores(call, parameters), (score, at) => {
    const sentence = Math.floor(at / (heads * words));
    return mask[sentence * words + (at % words)] === 1 ? score / temperature : -1e9;
  });
  const attention = softmax(scores);
  return { attention, output: matrixProduct(attention, call.inputs['h']!) };
}

/** Sizes by the shapes of the port's weights. */
export function lamaSizes(shapeOf: (name: string) => readonly number[] | undefined): Partial<LamaParameters> {
  const p = shapeOf('_p');
  if (!p) return {};
  return { width: p[0]!, heads: p[1]!, rank: 1, context: shapeOf('_c') ? 'learned' : 'mean' };
}

export const lama: Module<LamaParameters> = {
  id: 'lama',
  title: 'Low-rank multi-head attention (LAMA)',
  kind: 'attention',
  summary:
    'Pools the words of a text into one row for each head, by scores of rank 1 against one context vector, in place of attention from word to word. Parameters and time are a small part of those of multi-head attention, and time grows with the number of words.',
  source: {
    reference: 'arXiv:1912.00835, equation 3.13; github.com/JohnGiorgi/compact-multi-head-self-attention-pytorch',
    trust: 'medium',
    note: 'No code of the authors was found. Names of weights are those of the port (_p, _q, _c). Choices of Headscope: rank, temperature, and a context from other tokens; the causal form is a module of its own.',
  },
  parameters: {
    words: field.integer('Words', 'n, of each text.', { min: 1, max: 8192, default: 64 }),
    width: field.integer('Width', 'd, features of a word.', { min: 1, max: 1024, default: 768 }),
    heads: field.integer('Heads', 'm rows of the output.', { min: 1, max: 64, default: 8 }),
    context: field.choice(
      'Context',
      'c: learned, one for all texts; mean, of the words of the text (LAMA + ctx); other, the mean of other tokens (extension).',
      { options: ['learned', 'mean', 'other'], default: 'learned' },
    ),
    activation: field.choice('Activation', 'Of the scores; tanh as published.', {
      options: ['tanh', 'none'],
      default: 'tanh',
    }),
    l2: field.flag(
      'Normalize over heads',
      'Scores of a word to length 1 over its heads, as published. With one head every score is then 1 or -1.',
      true,
    ),
    rank: field.integer('Rank', 'Columns of P and Q for each head; 1 as published, more is an extension.', {
      min: 1,
      max: 16,
      default: 1,
    }),
    temperature: field.number(
      'Temperature',
      'The scores are divided by it; 1 as published. Normalized scores lie between -1 and 1, so at 1 no word weighs more than e^2 times another.',
      { min: 0.01, max: 10, default: 1 },
    ),
    batch: field.integer('Batch', 'Texts in a call.', { min: 1, max: 64, default: 1 }),
  },
  inputs: ({ batch, words, width, context }) => [
    { name: 'h', kind: 'tokens', title: 'Words', description: '[batch, words, width]', shape: [batch, words, width] },
    {
      name: 'mask',
      kind: 'mask',
      title: 'Mask',
      description: '[batch, words]: 1 for a word, 0 for padding',
      shape: [batch, words],
    },
    ...(context === 'other'
      ? [
          {
            name: 'other',
            kind: 'tokens',
            title: 'Other tokens',
            description: '[batch, words, width], whose mean is the context',
            shape: [batch, words, width],
          } as const,
        ]
      : []),
  ],
  outputs: ({ batch, words, width, heads }) => [
    { name: 'output', title: 'Pooled text', description: '[batch, heads, width]', shape: [batch, heads, width] },
    {
      name: 'attention',
      title: 'Attention',
      description: '[batch, heads, words]; each row adds up to 1',
      shape: [batch, heads, words],
    },
  ],
  weights: weightsOf,
  parametersOf: lamaSizes,
  reference: lamaReference,
  build(graph, { batch, words, heads, rank, context, activation, l2, temperature }) {
    const h = graph.input('h');
    const mask = reshape(graph.input('mask'), [batch, 1, words]);
    const key = fusedMatmul(graph.weight('_q'), h, { transposeA: true, transposeB: true });
    const mean = (): Value =>
      context === 'mean'
        ? divide(matmul(mask, h), maximum(reduceSum(mask, [2]), 1))
        : reduceMean(graph.input('other'), [1]);
    const query =
      context === 'learned'
        ? fusedMatmul(graph.weight('_p'), graph.weight('_c'), { transposeA: true })
        : fusedMatmul(graph.weight('_p'), mean(), { transposeA: true, transposeB: true });
    const product = multiply(key, query);
    const score = rank === 1 ? product : reduceSum(reshape(product, [batch, heads, rank, words]), [2], false);
    const active = activation === 'tanh' ? hyperbolicTangent(score) : score;
    const normal = l2 ? divide(active, maximum(reduceNorm(active, [1]), smallest)) : active;
    const scaled = temperature === 1 ? normal : multiply(normal, 1 / temperature);
    // Far enough below any score for a weight of exactly 0, and within float16.
    const hidden = multiply(subtract(mask, 1), graph.precision === 'float16' ? 6e4 : 1e9);
    const attention = softmaxOf(add(scaled, hidden));
    return { attention, output: matmul(attention, h) };
  },
  cost(parameters) {
    const { batch, words: n, width: d, heads: m, rank, context } = parameters;
    const count = parameterCount(weightsOf(parameters));
    const columns = m * rank;
    const contexts = context === 'learned' ? d * columns : batch * (d * columns + (context === 'mean' ? n * d : 0));
    const multiplyAdds = batch * (n * d * columns + n * d * m) + contexts;
    return {
      multiplyAdds,
      // A product for each column, and ten for each score: activation, norm over heads, mask, softmax.
      flops: 2 * multiplyAdds + batch * n * (columns + 10 * m),
      bytes: 4 * (count + batch * (2 * n * d + m * d + n * (2 * columns + 8 * m))),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'words',
    sizes: [1024, 2048, 4096].map((words) => ({ words, width: 256, heads: 8 })),
    size: ({ words }) => words,
    exponent: 1,
  },
  plain: ({ batch, words, width }) => ({ batch, queries: words, keys: words, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'no activation and no norm: bilinear scores c^T (p q^T) h with the d x d matrix of each head',
      parameters: { words: 5, width: 6, heads: 3, rank: 2, activation: 'none', l2: false, temperature: 1, batch: 1 },
      equals({ inputs, weights }, { words, width, heads, rank, context }) {
        const [p, q] = [weightOf(weights, '_p').data, weightOf(weights, '_q').data];
        const [h, mask] = [inputs['h']!, inputs['mask']!.data];
        const read = h.data.map((value, at) => value * mask[Math.floor(at / width)]!);
        const words1 = mask.reduce((sum, value) => sum + value, 0);
        const c = Array.from({ length: width }, (_, i) =>
          context === 'learned'
            ? weightOf(weights, '_c').data[i]!
            : read.reduce((sum, value, at) => sum + (at % width === i ? value / words1 : 0), 0),
        );
        const scores = zeros([1, heads, words]);
        for (let k = 0; k < heads; k++) {
          for (let i = 0; i < width; i++) {
            for (let j = 0; j < width; j++) {
              let w = 0;
              for (let r = 0; r < rank; r++) {
                w += p[i * heads * rank + k * rank + r]! * q[j * heads * rank + k * rank + r]!;
              }
              for (let t = 0; t < words; t++) scores.data[k * words + t]! += c[i]! * w * h.data[t * width + j]!;
            }
          }
        }
        const attention = softmax(mapped(scores, (score, at) => (mask[at % words] === 1 ? score : -1e9)));
        return { attention, output: matrixProduct(attention, h) };
      },
    },
    {
      name: 'Q = 0 without the norm: even attention, every row the mean word',
      parameters: { words: 4, width: 3, heads: 2, l2: false, batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs: { ...inputs, mask: mapped(inputs['mask']!, () => 1) },
        weights: { ...weights, _q: mapped(weightOf(weights, '_q'), () => 0) },
      }),
      equals({ inputs }, { batch, words, width, heads }) {
        const h = inputs['h']!;
        const means = zeros([batch, heads, width]);
        const columns = turned(h).data;
        means.data.forEach((_, at) => {
          const from = (Math.floor(at / (heads * width)) * width + (at % width)) * words;
          means.data[at] = columns.subarray(from, from + words).reduce((sum, value) => sum + value, 0) / words;
        });
        const attention = mapped(zeros([batch, heads, words]), () => 1 / words);
        return { attention, output: means };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal words; the last eighth of each text is padding.',
      draw: (parameters, seed) => drawn(parameters, seed, () => 0),
    },
    {
      id: 'markers',
      title: 'Two marker words',
      description:
        'Two kinds of marked words, a tenth of the text each, among noise: a head reads the words of a kind alike.',
      draw: (parameters, seed) => {
        const { words, width } = parameters;
        const kinds = normalTensor([2, width], seedFor(seed, 'kinds'), 2).data;
        const every = Math.max(3, Math.floor(words / 6));
        return drawn(parameters, seed, (word, feature) => {
          const kind = word % every;
          return kind < 2 ? kinds[kind * width + feature]! : 0;
        });
      },
    },
  ],
  pictures: (call, outputs, parameters) => lamaPictures(outputs, parameters, lamaScores(call, parameters)),
};

/** Normal words and what `planted` adds; the last eighth masked; other tokens where they are asked for. */
function drawn(parameters: LamaParameters, seed: number, planted: (word: number, feature: number) => number) {
  const { batch, words, width, context } = parameters;
  const noise = normalTensor([batch, words, width], seedFor(seed, 'words'), 1);
  const h = mapped(noise, (value, at) => value + planted(Math.floor(at / width) % words, at % width));
  const kept = words - Math.floor(words / 8);
  const mask = tensor(
    [batch, words],
    Float64Array.from({ length: batch * words }, (_, at) => (at % words < kept ? 1 : 0)),
  );
  return {
    h,
    mask,
    ...(context === 'other' ? { other: normalTensor([batch, words, width], seedFor(seed, 'other')) } : {}),
  };
}
