/**
 * Other ways to pool n words H [b, n, d] into rows, which LAMA is compared with; masked words weigh nothing:
 *
 *   structured: A = softmax over words of W_2 tanh(W_1 H^T) [b, m, n], output = A H [b, m, d] (arXiv:1703.03130);
 *   additive: the same with m = 1;
 *   cls: multi-head attention whose one query is the first word, q = h_0 W_q, heads joined, W_o: [b, 1, d].
 */
import { add, hyperbolicTangent, multiply, subtract } from '../../graph/operators/elementwise';
import { reshape, slice, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleCall, ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import {
  joinHeads,
  linear,
  mapped,
  matrixProduct,
  sliced,
  softmax,
  splitHeads,
  tanh,
  turned,
} from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { headsFor } from '../../module-parts/plain-attention';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';
import { poolingTable } from './pictures';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | string> {
  readonly form: 'structured' | 'additive' | 'cls';
  readonly words: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly batch: number;
}

const rowsOfAttention = ({ form, heads }: Parameters): number => (form === 'additive' ? 1 : heads);
const rowsOfOutput = ({ form, heads }: Parameters): number => (form === 'structured' ? heads : 1);

const weightsOf = (parameters: Parameters): readonly ModuleWeight[] => {
  const { form, width, hidden } = parameters;
  return form === 'cls'
    ? ['query', 'key', 'value', 'output'].flatMap((name) => linearWeights(name, width, width, false))
    : [
        ...linearWeights('ws1', hidden, width, false),
        ...linearWeights('ws2', rowsOfAttention(parameters), hidden, false),
      ];
};

/** Scores [b, rows, n] of words that are not masked. */
function masked(scores: Tensor, mask: Tensor): Tensor {
  const [, rows, words] = scores.shape as [number, number, number];
  return mapped(scores, (score, at) =>
    mask.data[Math.floor(at / (rows * words)) * words + (at % words)] === 1 ? score : -1e9,
  );
}

function pooled({ inputs, weights }: ModuleCall, { form, width, heads, words, batch }: Parameters): Tensors {
  const [h, mask] = [inputs['h']!, inputs['mask']!];
  const layer = (x: Tensor, name: string): Tensor => linear(x, weightOf(weights, `${name}.weight`));
  if (form !== 'cls') {
    const attention = softmax(masked(turned(layer(tanh(layer(h, 'ws1')), 'ws2')), mask));
    return { attention, output: matrixProduct(attention, h) };
  }
  const query = splitHeads(layer(sliced(h, 1, 0, 1), 'query'), heads);
  const [key, value] = [splitHeads(layer(h, 'key'), heads), splitHeads(layer(h, 'value'), heads)];
  const products = matrixProduct(query, turned(key));
  const scores = mapped(products, (score) => score / Math.sqrt(width / heads));
  const attention = softmax(masked({ shape: [batch, heads, words], data: scores.data }, mask));
  const mixed = matrixProduct({ shape: [batch, heads, 1, words], data: attention.data }, value);
  return { attention, output: layer(joinHeads(mixed), 'output') };
}

function build(graph: ModuleGraph, { form, batch, words, width, heads }: Parameters): Readonly<Record<string, Value>> {
  const h = graph.input('h');
  const layer = (x: Value, name: string): Value => linearLayer(x, graph.weight(`${name}.weight`));
  // Far enough below any score for a weight of exactly 0, and within float16.
  const hidden = multiply(
    subtract(reshape(graph.input('mask'), [batch, 1, words]), 1),
    graph.precision === 'float16' ? 6e4 : 1e9,
  );
  if (form !== 'cls') {
    const inner = hyperbolicTangent(layer(h, 'ws1'));
    const scores = fusedMatmul(graph.weight('ws2.weight'), inner, { transposeB: true });
    const attention = softmaxOf(add(scores, hidden));
    return { attention, output: matmul(attention, h) };
  }
  const d = width / heads;
  const apart = (x: Value, rows: number): Value => transpose(reshape(x, [batch, rows, heads, d]), [0, 2, 1, 3]);
  const query = apart(layer(slice(h, 1, 0, 1), 'query'), 1);
  const scores = fusedMatmul(query, apart(layer(h, 'key'), words), { transposeB: true, scale: d ** -0.5 });
  const attention = softmaxOf(add(reshape(scores, [batch, heads, words]), hidden));
  const mixed = matmul(reshape(attention, [batch, heads, 1, words]), apart(layer(h, 'value'), words));
  return { attention, output: layer(reshape(mixed, [batch, 1, width]), 'output') };
}

/** Even attention: each row the mean of the words, or of their values. */
const evenly = (words: Tensor, rows: number): Tensor => {
  const [batch, n, width] = words.shape as [number, number, number];
  return mapped(zeros([batch, rows, width]), (_, at) => {
    const from = Math.floor(at / (rows * width)) * n * width + (at % width);
    let total = 0;
    for (let i = 0; i < n; i++) total += words.data[from + i * width]! / n;
    return total;
  });
};

const unmasked = ({ inputs, weights }: ModuleCall, off: string): ModuleCall => ({
  inputs: { ...inputs, mask: mapped(inputs['mask']!, () => 1) },
  weights: { ...weights, [off]: mapped(weightOf(weights, off), () => 0) },
});

export const poolingAttention: Module<Parameters> = {
  id: 'pooling-attention',
  title: 'Pooling attention (structured, additive, one query)',
  kind: 'attention',
  summary:
    'Pools the words of a text into one row or several, as LAMA does, by the ways it is compared with: structured self-attention, additive attention of one head, and multi-head attention with the first word as its only query.',
  source: {
    reference: 'arXiv:1703.03130, equations 5 to 7 (structured self-attention); arXiv:1706.03762 (one query)',
    trust: 'high',
    note: 'Names of the structured form are those of SelfAttentiveEncoder (ws1, ws2, without biases), 350 hidden features as published. The form with one query has no biases either, so that all have projections alone.',
  },
  parameters: {
    form: field.choice(
      'Form',
      'structured: m rows; additive: one row by the same scores; cls: the first word as the query of m heads.',
      { options: ['structured', 'additive', 'cls'], default: 'structured' },
    ),
    words: field.integer('Words', 'n, of each text.', { min: 1, max: 8192, default: 64 }),
    width: field.integer('Width', 'd, features of a word.', { min: 1, max: 1024, default: 768 }),
    heads: field.integer('Heads', 'm; unused by the additive form.', { min: 1, max: 64, default: 8 }),
    hidden: field.integer(
      'Hidden width',
      'd_a, features that scores are made from; unused by the form with one query.',
      { min: 1, max: 1024, default: 350 },
    ),
    batch: field.integer('Batch', 'Texts in a call.', { min: 1, max: 64, default: 1 }),
  },
  refuse: ({ form, width, heads }) =>
    form !== 'cls' || width % heads === 0 ? undefined : `${width} features do not divide into ${heads} heads.`,
  inputs: ({ batch, words, width }) => [
    { name: 'h', kind: 'tokens', title: 'Words', description: '[batch, words, width]', shape: [batch, words, width] },
    {
      name: 'mask',
      kind: 'mask',
      title: 'Mask',
      description: '[batch, words]: 1 for a word, 0 for padding',
      shape: [batch, words],
    },
  ],
  outputs: (parameters) => [
    {
      name: 'output',
      title: 'Pooled text',
      description: '[batch, rows, width]',
      shape: [parameters.batch, rowsOfOutput(parameters), parameters.width],
    },
    {
      name: 'attention',
      title: 'Attention',
      description: '[batch, heads, words]; each row adds up to 1',
      shape: [parameters.batch, rowsOfAttention(parameters), parameters.words],
    },
  ],
  weights: weightsOf,
  parametersOf(shapeOf) {
    const [first, second, query] = [shapeOf('ws1.weight'), shapeOf('ws2.weight'), shapeOf('query.weight')];
    if (first && second) return { form: 'structured', width: first[1]!, hidden: first[0]!, heads: second[0]! };
    return query ? { form: 'cls', width: query[1]! } : {};
  },
  reference: pooled,
  build,
  cost(parameters) {
    const { form, batch, words: n, width: d, heads, hidden } = parameters;
    const rows = rowsOfAttention(parameters);
    const count = parameterCount(weightsOf(parameters));
    const multiplyAdds =
      form === 'cls'
        ? batch * (2 * n * d * d + 2 * d * d + 2 * n * d)
        : batch * n * (d * hidden + hidden * rows + d * rows);
    const written = form === 'cls' ? 6 * n * d : 4 * n * hidden;
    return {
      multiplyAdds,
      // Five for each score, and tanh.
      flops: 2 * multiplyAdds + batch * (5 * n * rows + (form === 'cls' ? 0 : n * hidden)),
      bytes: 4 * (count + batch * (2 * n * d + written + 6 * n * rows + 2 * d * heads)),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'words',
    sizes: [1024, 2048, 4096].map((words) => ({ words, width: 256 })),
    size: ({ words }) => words,
    exponent: 1,
  },
  plain: ({ batch, words, width }) => ({ batch, queries: words, keys: words, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'a second layer of zeros: every row the mean of the words',
      parameters: { form: 'structured', words: 5, width: 4, heads: 3, hidden: 2, batch: 2 },
      call: (call) => unmasked(call, 'ws2.weight'),
      equals: ({ inputs }) => ({
        output: evenly(inputs['h']!, 3),
        attention: mapped(zeros([2, 3, 5]), () => 1 / 5),
      }),
    },
    {
      name: 'one query, keys of zeros: the mean of the values',
      parameters: { form: 'cls', words: 5, width: 4, heads: 2, batch: 2 },
      call: (call) => unmasked(call, 'key.weight'),
      equals: ({ inputs, weights }) => ({
        output: linear(
          evenly(linear(inputs['h']!, weightOf(weights, 'value.weight')), 1),
          weightOf(weights, 'output.weight'),
        ),
        attention: mapped(zeros([2, 2, 5]), () => 1 / 5),
      }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal words; the last eighth of each text is padding.',
      draw({ batch, words, width }, seed) {
        const kept = words - Math.floor(words / 8);
        return {
          h: normalTensor([batch, words, width], seedFor(seed, 'words')),
          mask: mapped(zeros([batch, words]), (_, at) => (at % words < kept ? 1 : 0)),
        };
      },
    },
  ],
  pictures(_call, outputs, parameters) {
    const { words } = parameters;
    const rows = rowsOfAttention(parameters);
    return [
      {
        kind: 'heat-map',
        id: 'attention',
        title: 'What each head reads',
        caption: `A strip for each head: words do not read words. Even attention over ${words} words is ${(1 / words).toPrecision(2)}; padding is 0.`,
        unit: '',
        definition: 'softmax over words of the scores of the head; each row adds up to 1',
        scale: 'sequential',
        rows: { title: 'Head', labels: Array.from({ length: rows }, (_, head) => String(head + 1)) },
        columns: { title: 'Word' },
        values: rowsOf(outputs['attention']!.data, rows, words),
      },
      poolingTable({ ...parameters, rank: 1, context: 'learned' }),
    ];
  },
};
