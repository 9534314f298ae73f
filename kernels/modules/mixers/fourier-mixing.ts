/** The token mixer of FNet: Re(F_n X F_D), F the matrices of the discrete Fourier transform (arXiv:2105.03824). */
import { cast, subtract } from '../../graph/operators/elementwise';
import { matmul } from '../../graph/operators/matrix';
import { split } from '../../graph/operators/layout';
import type { Module } from '../../module';
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
import { stepsOf, transformedReal, transformProducts, waves, type TransformForm } from './transform';
import * as field from '../../parameters';

interface Parameters extends MixerSize {
  readonly form: TransformForm;
}

/** y_kc = sum over j and e of x_je cos(2 pi (j k / n + e c / D)). */
function fourierReference(x: Tensor): Tensor {
  const [batch, n, d] = x.shape as [number, number, number];
  const y = zeros(x.shape);
  // Along the channels first, both parts, then the real part along the tokens.
  const [re, im] = [new Float64Array(n * d), new Float64Array(n * d)];
  for (let b = 0; b < batch; b++) {
    re.fill(0);
    im.fill(0);
    for (let j = 0; j < n; j++) {
      for (let c = 0; c < d; c++) {
        for (let e = 0; e < d; e++) {
          const angle = (2 * Math.PI * ((e * c) % d)) / d;
          const value = x.data[(b * n + j) * d + e]!;
          re[j * d + c]! += value * Math.cos(angle);
          im[j * d + c]! -= value * Math.sin(angle);
        }
      }
    }
    for (let k = 0; k < n; k++) {
      for (let j = 0; j < n; j++) {
        const angle = (2 * Math.PI * ((j * k) % n)) / n;
        const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
        for (let c = 0; c < d; c++) {
          y.data[(b * n + k) * d + c]! += re[j * d + c]! * cosine + im[j * d + c]! * sine;
        }
      }
    }
  }
  return y;
}

/** The transform of rows of complex numbers [re, im] by halves (lengths that are powers of two), to check by other means. */
function byHalves(rows: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const n = rows.length;
  if (n === 1) return rows;
  const [even, odd] = [0, 1].map((at) => byHalves(rows.filter((_, i) => i % 2 === at))) as [typeof rows, typeof rows];
  return rows.map((_, k) => {
    const [[a, b], [c, s]] = [odd[k % (n / 2)]!, [Math.cos((2 * Math.PI * k) / n), -Math.sin((2 * Math.PI * k) / n)]];
    const [re, im] = even[k % (n / 2)]!;
    return [re + a * c - b * s, im + a * s + b * c];
  });
}

export const fourierMixing: Module<Parameters> = {
  id: 'fourier-mixing',
  title: 'Fourier mixing (FNet)',
  kind: 'attention',
  summary:
    'Tokens and channels go through a discrete Fourier transform each, and the real part is kept: every output mixes every token by fixed numbers. Nothing is learned, and in two steps time grows as n to the power 1.5.',
  source: {
    reference: 'arXiv:2105.03824, section 3; a row of the template of arXiv:2302.06218',
    trust: 'high',
    note: 'Without the norm and feed-forward layer around it. Without a factor, as published: outputs are about sqrt(n D) times as large as inputs. Transforms are computed in float32 whatever the format.',
  },
  parameters: {
    ...sizeParameters(4096),
    form: field.choice(
      'Transform',
      'two steps: over the factors of n; direct: one product with an n x n matrix, the same for a prime n.',
      { options: ['two steps', 'direct'], default: 'two steps' },
    ),
  },
  inputs: mixerInputs,
  outputs: mixerOutputs,
  weights: () => [],
  reference: ({ inputs }) => ({ output: fourierReference(inputs['x']!) }),
  build(graph, { width: d, form }) {
    const x = cast(graph.input('x'), 'float32');
    const [cosines, sines] = [waves(d, d, d, Math.cos), waves(d, d, d, Math.sin)];
    const rows = Array.from({ length: d }, (_, e) => [
      ...cosines.slice(e * d, (e + 1) * d),
      ...sines.slice(e * d, (e + 1) * d),
    ]);
    const both = matmul(x, x.graph.constant('float32', [d, 2 * d], rows.flat()));
    const [real, sine] = split(both, 2, [d, d]) as [typeof x, typeof x];
    const y = transformedReal({ real, imaginary: subtract(0, sine) }, form);
    return { output: cast(y, graph.precision) };
  },
  cost({ batch, tokens: n, width: d, form }) {
    const multiplyAdds = batch * (2 * n * d * d + d * transformProducts(n, form, { complex: true, real: true }));
    const turns = stepsOf(n, form)[0] > 1 ? 6 * n * d : 0;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * (n * d + turns),
      bytes: 4 * (2 * d * d + batch * n * d * (form === 'direct' ? 16 : 30) + 2 * stepsOf(n, form)[1] ** 2),
      parameters: 0,
    };
  },
  depth: () => 2,
  growth: {
    of: 'tokens, in two steps, of 16 features',
    sizes: [1024, 2048, 4096].map((tokens) => ({ tokens, width: 16 })),
    size: ({ tokens }) => tokens,
    exponent: 1.4,
  },
  plain: plainMixer,
  limits: [
    {
      name: 'the real part of a transform over both axes by halves',
      parameters: { tokens: 8, width: 4, batch: 1 },
      equals({ inputs }, { tokens, width }) {
        const x = inputs['x']!.data;
        const rows = Array.from({ length: tokens }, (_, j) =>
          byHalves(Array.from({ length: width }, (__, c) => [x[j * width + c]!, 0] as const)),
        );
        const y = zeros([1, tokens, width]);
        for (let c = 0; c < width; c++) {
          byHalves(rows.map((row) => row[c]!)).forEach(([re], k) => (y.data[k * width + c] = re));
        }
        return { output: y };
      },
    },
    {
      name: 'the same token everywhere: the first output alone, n times its transform',
      parameters: { tokens: 6, width: 1, batch: 1 },
      call: ({ inputs, weights }) => ({
        inputs: { x: tensor([1, 6, 1], new Float64Array(6).fill(inputs['x']!.data[0]!)) },
        weights,
      }),
      equals: ({ inputs }) => ({
        output: tensor([1, 6, 1], Float64Array.of(6 * inputs['x']!.data[0]!, 0, 0, 0, 0, 0)),
      }),
    },
  ],
  samples: mixerSamples(),
  pictures(_call, _outputs, { tokens: n, width }) {
    const shown = Math.min(n, mostShown);
    const table = waves(n, n, n, Math.cos);
    return [
      {
        kind: 'heat-map',
        id: 'mixing',
        title: 'Fixed mixing matrix, real part',
        caption: `The same for all data and channels: row k is a wave of k turns over the tokens. The imaginary part is the same with sines; Y = C X C_D - S X S_D.${shown < n ? ` The first ${shown} of ${n}.` : ''}`,
        unit: '',
        definition: 'C_kj = cos(2 pi j k / n)',
        scale: 'diverging',
        rows: { title: 'Output' },
        columns: { title: 'Token' },
        values: Array.from({ length: shown }, (_, k) => table.slice(k * n, k * n + shown)),
      },
      templateTable(n, width, plainMixer({ tokens: n, width, batch: 1 }).heads),
    ];
  },
};
