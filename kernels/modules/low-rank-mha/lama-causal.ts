/**
 * Low-rank multi-head attention over prefixes, an extension of LAMA to one output for each word. With p_k and q_k [d, r] of head k and a
 * context c_i (learned, the mean of other tokens, or the mean of the words up to i), masked words left out throughout:
 *
 *   s_k,ij = act(sum over r of (P^T c_i) * (Q^T h_j)); s_ij <- s_ij / |s_ij| over the m heads;
 *   A_k,ij = softmax over j <= i of s / temperature; output_i = for each head its d / m features of sum over j of A_k,ij h_j [n, d].
 *
 * Where c does not depend on i the scores do not either, and running sums of exp(s) h and exp(s) give all rows in linear time.
 */
import {
  add,
  cast,
  divide,
  exponential,
  hyperbolicTangent,
  maximum,
  minimum,
  multiply,
  subtract,
} from '../../graph/operators/elementwise';
import { reshape, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { cumulativeSum, reduceMean, reduceNorm, reduceSum, softmax as softmaxOf } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Module, ModuleCall, ModuleGraph } from '../../module';
import { linear, mapped, turned } from '../../module-parts/layers';
import { rowsOf } from '../../module-parts/pictures';
import { headsFor } from '../../module-parts/plain-attention';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';
import { lama, lamaReference, lamaSizes, smallest, type LamaParameters } from './lama';
import * as field from '../../parameters';

/** c of every word [b, n, d]. */
function contextsOf({ inputs, weights }: ModuleCall, { context, batch, words, width }: LamaParameters): Tensor {
  const c = zeros([batch, words, width]);
  if (context === 'learned') return mapped(c, (_, at) => weightOf(weights, '_c').data[at % width]!);
  const mask = inputs['mask']!.data;
  const from = inputs[context === 'mean' ? 'h' : 'other']!.data;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < words; i++) {
      const upTo = context === 'mean' ? i + 1 : words;
      const read = Array.from({ length: upTo }, (_, j) => b * words + j).filter(
        (row) => context !== 'mean' || mask[row] === 1,
      );
      for (const row of read) {
        for (let x = 0; x < width; x++) c.data[(b * words + i) * width + x]! += from[row * width + x]! / read.length;
      }
    }
  }
  return c;
}

/** A [b, m, n, n]: 0 for later and masked words, and everywhere in a row that has none to read. */
export function causalAttention(call: ModuleCall, parameters: LamaParameters): Tensor {
  const { batch, words, heads, rank, activation, l2, temperature } = parameters;
  const query = linear(contextsOf(call, parameters), turned(weightOf(call.weights, '_p'))).data;
  const key = linear(call.inputs['h']!, turned(weightOf(call.weights, '_q'))).data;
  const mask = call.inputs['mask']!.data;
  const attention = zeros([batch, heads, words, words]);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < words; i++) {
      const totals = new Float64Array(heads);
      for (let j = 0; j <= i; j++) {
        if (mask[b * words + j] !== 1) continue;
        const scores = Array.from({ length: heads }, (_, k) => {
          let score = 0;
          for (let r = k * rank; r < (k + 1) * rank; r++) {
            score += query[(b * words + i) * heads * rank + r]! * key[(b * words + j) * heads * rank + r]!;
          }
          return activation === 'tanh' ? Math.tanh(score) : score;
        });
        const length = l2 ? Math.max(smallest, Math.hypot(...scores)) : 1;
        scores.forEach((score, k) => {
          const share = Math.exp(score / length / temperature);
          attention.data[((b * heads + k) * words + i) * words + j] = share;
          totals[k]! += share;
        });
      }
      totals.forEach((total, k) => {
        const row = ((b * heads + k) * words + i) * words;
        if (total > 0) for (let j = 0; j <= i; j++) attention.data[row + j]! /= total;
      });
    }
  }
  return attention;
}

function causalReference(call: ModuleCall, parameters: LamaParameters): Tensor {
  const { batch, words, width, heads } = parameters;
  const attention = causalAttention(call, parameters).data;
  const h = call.inputs['h']!.data;
  return mapped(zeros([batch, words, width]), (_, at) => {
    const [row, feature] = [Math.floor(at / width), at % width];
    const [b, i, k] = [Math.floor(row / words), row % words, Math.floor((feature * heads) / width)];
    let total = 0;
    for (let j = 0; j <= i; j++) {
      total += attention[((b * heads + k) * words + i) * words + j]! * h[(b * words + j) * width + feature]!;
    }
    return total;
  });
}

function activated(score: Value, { activation, l2, temperature }: LamaParameters): Value {
  const active = activation === 'tanh' ? hyperbolicTangent(score) : score;
  const normal = l2 ? divide(active, maximum(reduceNorm(active, [1]), smallest)) : active;
  return temperature === 1 ? normal : multiply(normal, 1 / temperature);
}

/** The features of each head, [b, m, n, d / m], and back. */
const byHead = (x: Value, { batch, words, width, heads }: LamaParameters): Value =>
  transpose(reshape(x, [batch, words, heads, width / heads]), [0, 2, 1, 3]);
const joined = (x: Value, { batch, words, width }: LamaParameters): Value =>
  reshape(transpose(x, [0, 2, 1, 3]), [batch, words, width]);

/** One context for all words: running sums, in float32. */
function bySums(graph: ModuleGraph, parameters: LamaParameters): Value {
  const { batch, words, heads, rank, context } = parameters;
  const h = cast(graph.input('h'), 'float32');
  const mask = cast(graph.input('mask'), 'float32');
  const [p, q] = ['_p', '_q'].map((name) => cast(graph.weight(name), 'float32')) as [Value, Value];
  const key = fusedMatmul(q, h, { transposeA: true, transposeB: true }); // [b, m r, n]
  const query =
    context === 'learned'
      ? fusedMatmul(p, cast(graph.weight('_c'), 'float32'), { transposeA: true })
      : fusedMatmul(p, reduceMean(cast(graph.input('other'), 'float32'), [1]), { transposeA: true, transposeB: true });
  const product = multiply(key, query);
  const score = rank === 1 ? product : reduceSum(reshape(product, [batch, heads, rank, words]), [2], false);
  const share = multiply(exponential(activated(score, parameters)), reshape(mask, [batch, 1, words]));
  const weights = reshape(share, [batch, heads, words, 1]);
  const sums = cumulativeSum(multiply(byHead(h, parameters), weights), 2);
  return cast(joined(divide(sums, maximum(cumulativeSum(weights, 2), 1e-30)), parameters), graph.precision);
}

/** A context for each word, the mean up to it: scores of all pairs. */
function byPairs(graph: ModuleGraph, parameters: LamaParameters): Value {
  const { batch, words, heads, rank } = parameters;
  const h = graph.input('h');
  const mask = graph.input('mask');
  // Sums in float32: a half counts to 2048 only.
  const column = reshape(cast(mask, 'float32'), [batch, words, 1]);
  const seen = cumulativeSum(column, 1);
  const sums = cumulativeSum(multiply(cast(h, 'float32'), column), 1);
  const contexts = cast(divide(sums, maximum(seen, 1)), graph.precision);
  const apart = (x: Value): Value => transpose(reshape(x, [batch, words, heads, rank]), [0, 2, 1, 3]);
  const [query, key] = [apart(matmul(contexts, graph.weight('_p'))), apart(matmul(h, graph.weight('_q')))];
  const scores = activated(fusedMatmul(query, key, { transposeB: true }), parameters);
  const lower = graph.constant(
    [words, words],
    Array.from({ length: words * words }, (_, at) => (at % words <= Math.floor(at / words) ? 1 : 0)),
  );
  const open = multiply(reshape(mask, [batch, 1, 1, words]), lower);
  const hidden = multiply(subtract(open, 1), graph.precision === 'float16' ? 6e4 : 1e9);
  const attention = softmaxOf(add(scores, hidden));
  const output = joined(matmul(attention, byHead(h, parameters)), parameters);
  return multiply(output, cast(minimum(seen, 1), graph.precision));
}

const isLinear = ({ context }: LamaParameters): boolean => context !== 'mean';

export const lamaCausal: Module<LamaParameters> = {
  id: 'lama-causal',
  title: 'Causal low-rank attention (extension of LAMA)',
  kind: 'attention',
  summary:
    'LAMA over the words up to each word: one output for each, by scores of rank 1 against a context. With one context for all words running sums give all outputs in linear time; with the mean of the words so far each pair has a score.',
  source: {
    reference: 'Extension of Headscope to arXiv:1912.00835, equation 3.13',
    trust: 'low',
    note: 'Not published: LAMA pools a text and has no causal form. Chosen here: the context of a word is learned or the mean of the words up to it, the softmax runs over those words, and each head gives its own d / m features, so that the output is as wide as the words.',
  },
  parameters: {
    ...lama.parameters,
    words: field.integer('Words', 'n, of each text.', { min: 1, max: 4096, default: 64 }),
    context: field.choice(
      'Context',
      'c: learned, one for all words; mean, of the words up to each (a score for every pair); other, the mean of other tokens.',
      { options: ['learned', 'mean', 'other'], default: 'learned' },
    ),
    temperature: field.number('Temperature', 'Divides the scores, which lie between -1 and 1.', {
      min: 0.05,
      max: 10,
      default: 1,
    }),
  },
  refuse({ width, heads, activation, l2, context }) {
    if (width % heads !== 0) return `${width} features do not divide among ${heads} heads.`;
    return activation === 'none' && !l2 && context !== 'mean'
      ? 'Running sums need scores with a bound: choose the activation, the norm over heads, or the mean as context.'
      : undefined;
  },
  inputs: (parameters) => lama.inputs(parameters),
  outputs: ({ batch, words, width }) => [
    {
      name: 'output',
      title: 'Words that read what came before',
      description: '[batch, words, width]',
      shape: [batch, words, width],
    },
  ],
  weights: (parameters) => lama.weights(parameters),
  parametersOf: lamaSizes,
  reference: (call, parameters) => ({ output: causalReference(call, parameters) }),
  build: (graph, parameters) => ({
    output: isLinear(parameters) ? bySums(graph, parameters) : byPairs(graph, parameters),
  }),
  cost(parameters) {
    const { batch, words: n, width: d, heads: m, rank, context } = parameters;
    const columns = m * rank;
    const count = parameterCount(lama.weights(parameters));
    if (!isLinear(parameters)) {
      const multiplyAdds = batch * (2 * n * d * columns + n * n * (columns + d));
      return {
        multiplyAdds,
        // Running means and gates of words; ten for each score: activation, norm over heads, mask, softmax.
        flops: 2 * multiplyAdds + batch * (4 * n * d + 10 * n * n * m),
        bytes: 4 * (count + n * n + batch * (14 * n * d + 6 * n * columns + n * n * (15 * m + 2))),
        parameters: count,
      };
    }
    const multiplyAdds = batch * n * d * columns + (context === 'learned' ? 1 : batch) * d * columns;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * (3 * n * d + 12 * n * m + n * columns),
      bytes: 4 * (count + batch * (16 * n * d + n * (3 * columns + 20 * m))),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'words, with a learned context',
    sizes: [1024, 2048, 4096].map((words) => ({ words, width: 256, heads: 8 })),
    size: ({ words }) => words,
    exponent: 1,
  },
  plain: ({ batch, words, width }) => ({ batch, queries: words, keys: words, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'one word: the word itself, whatever its scores',
      parameters: { words: 1, width: 4, heads: 2, context: 'mean', batch: 2 },
      call: ({ inputs, weights }) => ({ inputs: { ...inputs, mask: mapped(inputs['mask']!, () => 1) }, weights }),
      equals: ({ inputs }) => ({ output: inputs['h']! }),
    },
    {
      name: 'Q = 0: the mean of the words so far',
      parameters: { words: 5, width: 4, heads: 2, context: 'learned', batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs: { ...inputs, mask: mapped(inputs['mask']!, () => 1) },
        weights: { ...weights, _q: mapped(weightOf(weights, '_q'), () => 0) },
      }),
      equals({ inputs }, { words, width }) {
        const sums = mapped(inputs['h']!, (value) => value);
        sums.data.forEach((_, at) => {
          if (Math.floor(at / width) % words > 0) sums.data[at]! += sums.data[at - width]!;
        });
        return { output: mapped(sums, (value, at) => value / ((Math.floor(at / width) % words) + 1)) };
      },
    },
    {
      name: 'word by word: LAMA over the text up to it, the features of each head',
      parameters: { words: 4, width: 4, heads: 2, context: 'mean', rank: 2, temperature: 0.5, batch: 1 },
      equals({ inputs, weights }, parameters) {
        const { words, width, heads } = parameters;
        const output = zeros([1, words, width]);
        for (let i = 0; i < words; i++) {
          const mask = mapped(inputs['mask']!, (value, j) => (j <= i ? value : 0));
          const pooled = lamaReference({ inputs: { ...inputs, mask }, weights }, parameters).output.data;
          for (let x = 0; x < width; x++) {
            output.data[i * width + x] = pooled[Math.floor((x * heads) / width) * width + x]!;
          }
        }
        return { output };
      },
    },
  ],
  samples: lama.samples,
  pictures(call, _outputs, parameters) {
    const { words, heads } = parameters;
    const attention = causalAttention(call, parameters).data;
    const shown = Math.min(128, words);
    const labels = Array.from({ length: Math.min(4, heads) }, (_, head) => `head ${head + 1}`);
    const rows = (head: number) => rowsOf(attention.subarray(head * words ** 2, (head + 1) * words ** 2), words, words);
    return [
      {
        kind: 'heat-map',
        id: 'attention',
        title: 'What each word reads beside even attention, head 1',
        caption: `Even attention over the words so far is 1. ${
          parameters.context === 'mean'
            ? 'The context changes from word to word, and with it what is read.'
            : 'One context for all words: a column keeps its place among the others, row after row.'
        }`,
        unit: '',
        definition:
          'A_ij times the number of words that word i may read, A_ij the softmax over the words j up to i of the scores of the head',
        scale: 'sequential',
        rows: { title: 'Reading word' },
        columns: { title: 'Word read' },
        values: rows(0)
          .slice(0, shown)
          .map((row) => {
            const read = row.filter((share) => share > 0).length;
            return row.slice(0, shown).map((share) => share * read);
          }),
      },
      {
        kind: 'chart',
        id: 'reached',
        title: 'Words that a word reads',
        caption:
          'The number of words that even attention of the same entropy would read. Even attention over all so far is a straight line; bounded scores stay near it.',
        x: { title: 'Word', unit: '', scale: 'linear' },
        y: { title: 'Words, exp of the entropy', unit: '', scale: 'linear' },
        series: labels.map((title, head) => ({
          title,
          mark: 'line' as const,
          points: rows(head).map((row, i) => ({
            x: i + 1,
            y: Math.exp(row.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0)),
          })),
        })),
      },
    ];
  },
};
