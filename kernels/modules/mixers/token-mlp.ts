/** The token mixer of MLP-Mixer: each channel's tokens through W_2 gelu(W_1 x + b_1) + b_2, the same for all channels. */
import { gelu as geluValue } from '../../graph/operators/elementwise';
import { transpose } from '../../graph/operators/layout';
import { rowsOf } from '../../module-parts/pictures';
import type { Module, ModuleCall } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { erf, gelu, linear, mapped, matrixProduct, turned } from '../../module-parts/layers';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { tensor, type Tensor } from '../../tensors/tensor';
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
import * as field from '../../parameters';

interface Parameters extends MixerSize {
  readonly hidden: number;
}

const weightsOf = ({ tokens, hidden }: Parameters) => [
  ...linearWeights('fc1', hidden, tokens),
  ...linearWeights('fc2', tokens, hidden),
];

/**
 * The matrix A(x) [n, n] of one channel of the first sequence, with y = A x + an offset of the biases: W_2 diag(Phi(z)) W_1, z what the
 * activation gets, since gelu(z) = Phi(z) z.
 */
export function mixingMatrix({ inputs, weights }: ModuleCall, { tokens, width, hidden }: Parameters, channel: number) {
  const [w1, b1] = [weightOf(weights, 'fc1.weight'), weightOf(weights, 'fc1.bias')];
  const x = inputs['x']!;
  const column = Float64Array.from({ length: tokens }, (_, i) => x.data[i * width + channel]!);
  const z = linear(tensor([1, tokens], column), w1, b1).data;
  const open = z.map((each) => (1 + erf(each / Math.SQRT2)) / 2);
  const scaled = mapped(w1, (value, at) => value * open[Math.floor(at / tokens)]!);
  const matrix = matrixProduct(weightOf(weights, 'fc2.weight'), scaled);
  const offset = linear(
    tensor(
      [1, hidden],
      open.map((each, at) => each * b1.data[at]!),
    ),
    weightOf(weights, 'fc2.weight'),
    weightOf(weights, 'fc2.bias'),
  );
  return { matrix, offset: offset.data };
}

export const tokenMlp: Module<Parameters> = {
  id: 'token-mlp',
  title: 'MLP over the tokens (MLP-Mixer)',
  kind: 'attention',
  summary:
    'The tokens of each channel go through one small network, the same for all channels: which token reads which is learned once and hardly depends on the data. Its weights are tied to the number of tokens.',
  source: {
    reference:
      'arXiv:2105.01601, section 2; `mlp_tokens` of MixerBlock in timm; a row of the template of arXiv:2302.06218',
    trust: 'high',
    note: 'The token mixer alone, without the norm and the residual around it. GELU in its exact form.',
  },
  parameters: {
    ...sizeParameters(2048),
    hidden: field.integer('Hidden width', 'Of the network; about twice to half the number of tokens as published.', {
      min: 1,
      max: 4096,
      default: 128,
    }),
  },
  inputs: mixerInputs,
  outputs: mixerOutputs,
  weights: weightsOf,
  parametersOf(shapeOf) {
    const first = shapeOf('fc1.weight');
    return first ? { tokens: first[1]!, hidden: first[0]! } : {};
  },
  reference({ inputs, weights }) {
    const layer = (x: Tensor, name: string): Tensor =>
      linear(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));
    return { output: turned(layer(gelu(layer(turned(inputs['x']!), 'fc1')), 'fc2')) };
  },
  build(graph) {
    const layer = (x: ReturnType<typeof geluValue>, name: string) =>
      linearLayer(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));
    const rows = transpose(graph.input('x'), [0, 2, 1]);
    return { output: transpose(layer(geluValue(layer(rows, 'fc1'), 'none'), 'fc2'), [0, 2, 1]) };
  },
  cost(parameters) {
    const { batch, tokens: n, width: d, hidden } = parameters;
    const multiplyAdds = 2 * batch * n * hidden * d;
    const count = parameterCount(weightsOf(parameters));
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * d * (n + 9 * hidden),
      bytes: 4 * (count + batch * d * (8 * n + 6 * hidden)),
      parameters: count,
    };
  },
  depth: () => 2,
  growth: {
    of: 'tokens, with half as many hidden features',
    sizes: [256, 512, 1024].map((tokens) => ({ tokens, hidden: tokens / 2 })),
    size: ({ tokens }) => tokens,
    exponent: 2,
  },
  plain: plainMixer,
  limits: [
    {
      name: 'far on the open side of the activation: the product of both matrices',
      parameters: { tokens: 4, width: 3, hidden: 5, batch: 1 },
      // gelu(z) = z above 40 exactly; what 64 adds, the second bias takes out again.
      call: ({ inputs, weights }) => ({
        inputs,
        weights: {
          ...weights,
          'fc1.bias': mapped(weightOf(weights, 'fc1.bias'), () => 64),
          'fc2.bias': mapped(weightOf(weights, 'fc2.bias'), (_, i) => {
            const row = weightOf(weights, 'fc2.weight').data.subarray(i * 5, (i + 1) * 5);
            return -64 * row.reduce((sum, value) => sum + value, 0);
          }),
        },
      }),
      equals: ({ inputs, weights }) => ({
        output: matrixProduct(
          matrixProduct(weightOf(weights, 'fc2.weight'), weightOf(weights, 'fc1.weight')),
          inputs['x']!,
        ),
      }),
    },
    {
      name: 'a second matrix of zeros: its bias at every token',
      parameters: { tokens: 4, width: 3, hidden: 2, batch: 2 },
      call: ({ inputs, weights }) => ({
        inputs,
        weights: { ...weights, 'fc2.weight': mapped(weightOf(weights, 'fc2.weight'), () => 0) },
      }),
      equals: ({ inputs, weights }, { tokens, width }) => ({
        output: mapped(inputs['x']!, (_, at) => weightOf(weights, 'fc2.bias').data[Math.floor(at / width) % tokens]!),
      }),
    },
  ],
  samples: mixerSamples(),
  pictures(call, _outputs, parameters) {
    const { tokens: n, width } = parameters;
    const shown = Math.min(n, mostShown);
    const { matrix } = mixingMatrix(call, parameters, 0);
    return [
      {
        kind: 'heat-map',
        id: 'mixing',
        title: 'Learned mixing matrix, first channel',
        caption: `What each token weighs in each output. The activation opens some hidden features more than others, so that the matrix changes a little from channel to channel; without it all would have the same.${shown < n ? ` The first ${shown} of ${n} tokens.` : ''}`,
        unit: '',
        definition: 'A = W_2 diag(Phi(z)) W_1, z = W_1 x + b_1 of the channel; y = A x and an offset of the biases',
        scale: 'diverging',
        rows: { title: 'Output' },
        columns: { title: 'Token' },
        values: rowsOf(matrix.data, n, n)
          .slice(0, shown)
          .map((row) => row.slice(0, shown)),
      },
      templateTable(n, width, plainMixer({ tokens: n, width, batch: 1 }).heads),
    ];
  },
};
