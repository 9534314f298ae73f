/** The rows of the template as mixers of one model, from the graphs of their modules. */
import type { ParameterValues } from '../../../kernels/mechanism';
import type { Module, ModuleGraph } from '../../../kernels/module';
import { covarianceMixing } from '../../../kernels/modules/mixers/covariance-attention';
import { fourierMixing } from '../../../kernels/modules/mixers/fourier-mixing';
import { toeplitzMixing } from '../../../kernels/modules/mixers/toeplitz-mixing';
import { tokenMlp } from '../../../kernels/modules/mixers/token-mlp';
import { relativeWeights } from '../../../kernels/modules/rcmha/definition';
import { relativeGraph } from '../../../kernels/modules/rcmha/relative-attention';
import { tnlBlock } from '../../../kernels/modules/transnormer/tnl-block';
import { batchSize } from '../../shared/training/mixer-arms';
import type { Mixer } from '../../shared/training/mixer-lm';

export const mixerIds = ['softmax', 'linear', 'fourier', 'convolution', 'mlp', 'covariance'] as const;
export type MixerId = (typeof mixerIds)[number];

export const mixerTitles: Readonly<Record<MixerId, string>> = {
  softmax: 'Softmax attention',
  linear: 'Linear attention (TNL layer)',
  fourier: 'Fourier mixing',
  convolution: 'Long convolution',
  mlp: 'MLP over the tokens',
  covariance: 'Cross-covariance attention',
};

interface Size {
  readonly length: number;
  readonly width: number;
  readonly heads: number;
}

/** No token is padding. */
const unmasked = (graph: ModuleGraph, tokens: number): ModuleGraph => ({
  ...graph,
  input: (name) =>
    name === 'mask'
      ? graph.constant([batchSize, tokens], new Float64Array(batchSize * tokens).fill(1))
      : graph.input(name),
});

export function mixerOf(id: MixerId, { length: tokens, width, heads }: Size): Mixer {
  const size = { tokens, width, batch: batchSize };
  const of = <P extends ParameterValues>(module: Module<P>, parameters: P): Mixer => ({
    weights: module.weights(parameters),
    build: (graph) => module.build(graph, parameters)['output']!,
  });
  switch (id) {
    case 'softmax': {
      const plain = {
        ...size,
        memory: 0,
        heads,
        convolution: false,
        relative: false,
        kernel: 3,
        maxDistance: tokens,
      };
      return { weights: relativeWeights(plain), build: (graph) => relativeGraph(graph, plain) };
    }
    case 'linear': {
      const layer = {
        ...size,
        heads,
        hidden: width,
        glu: width,
        layer: 0,
        layers: 1,
        decay: 'none',
        rotation: false,
        features: 'swish',
        gate: true,
        block: 64,
        form: 'loop',
      } as const;
      return {
        weights: tnlBlock.weights(layer),
        build: (graph) => tnlBlock.build(unmasked(graph, tokens), layer)['output']!,
      };
    }
    case 'fourier':
      return of(fourierMixing, { ...size, form: 'two steps' });
    case 'convolution':
      return of(toeplitzMixing, { ...size, kernels: heads, causal: true, form: 'matrix' });
    case 'mlp':
      return of(tokenMlp, { ...size, hidden: Math.max(1, Math.floor(tokens / 2)) });
    case 'covariance':
      return of(covarianceMixing, { ...size, heads, bias: true });
  }
}
