/** A long convolution: y_i = sum_j w_(i - j) x_j, a Toeplitz matrix over the tokens with one number for each distance. */
import { add, cast, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, gather, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import type { Module, ModuleGraph } from '../../module';
import { mapped } from '../../module-parts/layers';
import { evenly, weightOf } from '../../module-parts/weights';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import {
  mixerInputs,
  mixerOutputs,
  mixerSamples,
  mostShown,
  plainMixer,
  sizeParameters,
  type MixerSize,
} from './ports';
import { templateTable } from './template';
import { stepsOf, transformed, transformedReal, transformProducts } from './transform';
import * as field from '../../parameters';

export interface ToeplitzParameters extends MixerSize {
  readonly kernels: number;
  readonly causal: boolean;
  readonly form: 'matrix' | 'transform';
}

/** Distances that a kernel has numbers for. */
const lagsOf = ({ tokens, causal }: ToeplitzParameters): number => (causal ? tokens : 2 * tokens - 1);

/** The place of distance i - j in a kernel: 0 is the own token (causal), or the farthest later one (both sides). */
const placeOf = (distance: number, { tokens, causal }: ToeplitzParameters): number =>
  causal ? distance : distance + tokens - 1;

/** A_ij of kernel `group`, 0 where the kernel does not reach. */
export const toeplitzAt = (kernel: Tensor, group: number, i: number, j: number, of: ToeplitzParameters): number =>
  of.causal && j > i ? 0 : kernel.data[group * lagsOf(of) + placeOf(i - j, of)]!;

/** Toeplitz matrices [g, n, n] from kernels [g, distances]. */
function asMatrix(graph: ModuleGraph, x: Value, of: ToeplitzParameters): Value {
  const { tokens: n, kernels } = of;
  const kernel = graph.weight('kernel');
  const places = Array.from({ length: n * n }, (_, at) => Math.max(0, placeOf(Math.floor(at / n) - (at % n), of)));
  const matrix = reshape(gather(kernel, x.graph.constant('int64', [n * n], places), 1), [kernels, n, n]);
  if (!of.causal) return matrix;
  const lower = Array.from({ length: n * n }, (_, at) => (at % n <= Math.floor(at / n) ? 1 : 0));
  return multiply(matrix, graph.constant([n, n], lower));
}

function byMatrix(graph: ModuleGraph, of: ToeplitzParameters): Value {
  const { batch, tokens: n, width, kernels } = of;
  const x = graph.input('x');
  const grouped = transpose(reshape(x, [batch, n, kernels, width / kernels]), [0, 2, 1, 3]); // [b, g, n, D / g]
  const mixed = matmul(asMatrix(graph, x, of), grouped);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, n, width]);
}

/** As a circular convolution of 2 n places: negative distances stand at its end. */
function byTransform(graph: ModuleGraph, of: ToeplitzParameters): Value {
  const { batch, tokens: n, width, kernels, causal } = of;
  const x = pad(cast(graph.input('x'), 'float32'), 1, 0, n);
  const kernel = unsqueeze(transpose(cast(graph.weight('kernel'), 'float32'), [1, 0]), 0); // [1, distances, g]
  const ahead = slice(kernel, 1, causal ? 0 : n - 1);
  const placed = causal || n === 1 ? pad(ahead, 1, 0, n) : concat([pad(ahead, 1, 0, 1), slice(kernel, 1, 0, n - 1)], 1);
  const [spectrum, filter] = [transformed({ real: x }, 'two steps'), transformed({ real: placed }, 'two steps')];
  const apart = (y: Value): Value => reshape(y, [batch, 2 * n, kernels, width / kernels]);
  const gate = (y: Value): Value => reshape(y, [1, 2 * n, kernels, 1]);
  const [a, b] = [apart(spectrum.real), apart(spectrum.imaginary!)];
  const [c, d] = [gate(filter.real), gate(filter.imaginary!)];
  const flat = (y: Value): Value => reshape(y, [batch, 2 * n, width]);
  // The inverse is the transform of the conjugate, over 2 n.
  const real = flat(subtract(multiply(a, c), multiply(b, d)));
  const imaginary = flat(subtract(0, add(multiply(a, d), multiply(b, c))));
  const y = multiply(slice(transformedReal({ real, imaginary }, 'two steps'), 1, 0, n), 1 / (2 * n));
  return cast(y, graph.precision);
}

export const toeplitzMixing: Module<ToeplitzParameters> = {
  id: 'toeplitz-mixing',
  title: 'Long convolution (Toeplitz mixing)',
  kind: 'attention',
  summary:
    'Each token is a sum of the others weighted by a learned number for each distance, the same for all data. With transforms time grows as n to the power 1.5; what a distance means is learned, what a token says is not looked at.',
  source: {
    reference: 'arXiv:2302.06218 (single convolution kernel W^c); arXiv:2305.04749 (Toeplitz neural networks)',
    trust: 'medium',
    note: 'The kernel is learned directly, not made by a network of the distance. The template has one kernel for all channels; more, one for each group of channels, as in long convolutions of state-space models. No projection.',
  },
  parameters: {
    ...sizeParameters(2048),
    kernels: field.integer('Kernels', 'One for each group of as many channels; 1: the same for all.', {
      min: 1,
      max: 64,
      default: 1,
    }),
    causal: field.flag('Causal', 'Earlier tokens only; off: later ones too, with numbers of their own.', true),
    form: field.choice(
      'Form',
      'matrix: the product with the Toeplitz matrix of each kernel; transform: products in frequency, less work for long sequences and many kernels.',
      { options: ['matrix', 'transform'], default: 'matrix' },
    ),
  },
  refuse: ({ width, kernels }) =>
    width % kernels === 0 ? undefined : `${width} features do not divide among ${kernels} kernels.`,
  inputs: mixerInputs,
  outputs: mixerOutputs,
  weights: (of) => [{ name: 'kernel', shape: [of.kernels, lagsOf(of)], initial: evenly(of.tokens) }],
  parametersOf(shapeOf) {
    const kernel = shapeOf('kernel');
    return kernel ? { kernels: kernel[0]! } : {};
  },
  reference({ inputs, weights }, of) {
    const { tokens: n, width, kernels } = of;
    const kernel = weightOf(weights, 'kernel');
    const x = inputs['x']!;
    const output = mapped(x, (_, at) => {
      const [channel, row] = [at % width, Math.floor(at / width)];
      const group = Math.floor(channel / (width / kernels));
      let total = 0;
      for (let j = 0; j < n; j++) {
        const value = x.data[(row - (row % n) + j) * width + channel]!;
        total += toeplitzAt(kernel, group, row % n, j, of) * value;
      }
      return total;
    });
    return { output };
  },
  build: (graph, of) => ({ output: of.form === 'matrix' ? byMatrix(graph, of) : byTransform(graph, of) }),
  cost(of) {
    const { batch, tokens: n, width, kernels, form } = of;
    const count = kernels * lagsOf(of);
    if (form === 'matrix') {
      const multiplyAdds = batch * n * n * width;
      return {
        multiplyAdds,
        flops: 2 * multiplyAdds + (of.causal ? kernels * n * n : 0),
        bytes: 4 * (count + 3 * kernels * n * n + n * n + 6 * batch * n * width),
        parameters: count,
      };
    }
    const there = transformProducts(2 * n, 'two steps', { complex: false, real: false });
    const back = transformProducts(2 * n, 'two steps', { complex: true, real: true });
    const multiplyAdds = batch * width * (there + back) + kernels * there;
    const turns = stepsOf(2 * n, 'two steps')[0] > 1 ? 12 : 0;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + 2 * n * (batch * width * (8 + turns) + kernels * turns),
      bytes: 4 * (count + 2 * n * (60 * batch * width + 25 * kernels)),
      parameters: count,
    };
  },
  depth: ({ form }) => (form === 'matrix' ? 1 : 3),
  growth: {
    of: 'tokens, by transforms, of 32 features',
    sizes: [512, 1024, 2048].map((tokens) => ({ tokens, width: 32, form: 'transform' }) as const),
    size: ({ tokens }) => tokens,
    exponent: 1.45,
  },
  plain: plainMixer,
  limits: [
    {
      name: 'a kernel of 1 at distance 1: every token is the one before it',
      parameters: { tokens: 5, width: 4, kernels: 2, causal: true, batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: { kernel: mapped(weightOf(weights, 'kernel'), (_, at) => (at % 5 === 1 ? 1 : 0)) },
      }),
      equals({ inputs }, { tokens, width }) {
        const x = inputs['x']!;
        return { output: mapped(x, (_, at) => (Math.floor(at / width) % tokens === 0 ? 0 : x.data[at - width]!)) };
      },
    },
    {
      name: 'a kernel of powers: the recurrence s_i = 0.8 s_(i - 1) + x_i',
      parameters: { tokens: 6, width: 3, kernels: 1, causal: true, batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: { kernel: mapped(weightOf(weights, 'kernel'), (_, at) => 0.8 ** at) },
      }),
      equals({ inputs }, { tokens, width }) {
        const y = tensor(inputs['x']!.shape, Float64Array.from(inputs['x']!.data));
        for (let at = 0; at < y.data.length; at++) {
          if (Math.floor(at / width) % tokens > 0) y.data[at]! += 0.8 * y.data[at - width]!;
        }
        return { output: y };
      },
    },
    {
      name: 'both sides, the same number for every distance: every token is the sum of all',
      parameters: { tokens: 4, width: 2, kernels: 1, causal: false, batch: 1 },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: { kernel: mapped(weightOf(weights, 'kernel'), () => 1) },
      }),
      equals({ inputs }, { tokens, width }) {
        const sums = zeros([width]);
        inputs['x']!.data.forEach((value, at) => (sums.data[at % width]! += value));
        return { output: mapped(zeros([1, tokens, width]), (_, at) => sums.data[at % width]!) };
      },
    },
  ],
  samples: mixerSamples(),
  pictures({ weights }, _outputs, of) {
    const { tokens: n, width, kernels, causal } = of;
    const kernel = weightOf(weights, 'kernel');
    const shown = Math.min(n, mostShown);
    const lags = lagsOf(of);
    return [
      {
        kind: 'heat-map',
        id: 'mixing',
        title: 'Learned mixing matrix, first kernel',
        caption: `The same along every diagonal, and for all data.${shown < n ? ` The first ${shown} of ${n} tokens.` : ''}`,
        unit: '',
        definition: 'A_ij = w at distance i - j',
        scale: 'diverging',
        rows: { title: 'Output' },
        columns: { title: 'Token' },
        values: Array.from({ length: shown }, (_, i) =>
          Array.from({ length: shown }, (__, j) => toeplitzAt(kernel, 0, i, j, of)),
        ),
      },
      {
        kind: 'chart',
        id: 'kernels',
        title: 'Kernels',
        caption: 'The number that stands for each distance. Drawn weights are noise; trained ones often fade.',
        x: { title: causal ? 'Distance back' : 'Distance back (negative: ahead)', unit: 'tokens', scale: 'linear' },
        y: { title: 'Weight', unit: '', scale: 'linear' },
        series: Array.from({ length: Math.min(4, kernels) }, (_, group) => ({
          title: `kernel ${group + 1}`,
          mark: 'line' as const,
          points: Array.from({ length: lags }, (__, at) => ({
            x: causal ? at : at - n + 1,
            y: kernel.data[group * lags + at]!,
          })),
        })),
      },
      templateTable(n, width, plainMixer({ tokens: n, width, batch: 1 }).heads),
    ];
  },
};
