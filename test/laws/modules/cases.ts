/** Parameters of every module small enough for its float64 reference to run often; the first setting stands for all in slow laws. */
import { moduleCatalogue } from '../../../kernels/module-catalogue';
import type { Module } from '../../../kernels/module';
import type { ParameterValues } from '../../../kernels/mechanism';
import { resolveTable } from '../../../protocol/analysis/parameters';

const small: Readonly<Record<string, readonly ParameterValues[]>> = {
  dmhcsa: [
    { tokens: 5, channels: 6, heads: 2, kernels: '3,5,7', batch: 2 },
    { axis: 'temporal', tokens: 5, channels: 6, heads: 3, kernels: '3', batch: 2 },
    { axis: 'temporal', tokens: 4, channels: 6, heads: 2, kernels: '3,5,7', fuse: true },
    { tokens: 4, channels: 6, heads: 2, kernels: '7,7', depthwise: true },
    { tokens: 1, channels: 3, heads: 1, kernels: '1' },
  ],
  qlstm: [
    { tokens: 7, width: 4, expansion: 2, kernel: 3, batch: 2 },
    { tokens: 19, width: 3, expansion: 1, kernel: 4, reversed: false },
    { tokens: 70, width: 2, expansion: 1, kernel: 2 },
    { tokens: 1, width: 2, expansion: 2, kernel: 1 },
  ],
  convformer: [
    { frames: 3, channels: 4, heads: 2, kernels: '3,3,3', spatialBlocks: 1, temporalBlocks: 1, fuse: false, batch: 2 },
    { frames: 2, channels: 2, heads: 1, kernels: '3,5,7', spatialBlocks: 2, temporalBlocks: 1 },
  ],
  'complex-attention': [
    { tokens: 4, width: 8, heads: 2, batch: 2 },
    { tokens: 3, width: 4, heads: 1, causal: false, scale: '1 / root of d', base: 100 },
    { tokens: 5, width: 8, heads: 2, form: 'rotary', base: 100 },
  ],
  'relative-attention': [
    { tokens: 4, memory: 2, width: 6, heads: 2, kernel: 3, maxDistance: 7, batch: 2 },
    { tokens: 5, width: 4, heads: 2, relative: false, kernel: 2 },
    { tokens: 3, memory: 1, width: 4, heads: 1, convolution: false, maxDistance: 4 },
    { tokens: 1, width: 3, heads: 1, convolution: false, relative: false },
  ],
  lama: [
    { words: 9, width: 6, heads: 3, batch: 2 },
    { words: 8, width: 5, heads: 2, context: 'mean', rank: 2, temperature: 0.5, batch: 2 },
    { words: 3, width: 4, heads: 2, context: 'other', activation: 'none', l2: false },
  ],
  'lama-causal': [
    { words: 9, width: 6, heads: 3, context: 'mean', batch: 2 },
    { words: 8, width: 6, heads: 2, rank: 2, temperature: 0.5, batch: 2 },
    { words: 5, width: 4, heads: 2, context: 'other', activation: 'none' },
    { words: 3, width: 4, heads: 1, context: 'mean', activation: 'none', l2: false },
  ],
  'pooling-attention': [
    { words: 9, width: 6, heads: 3, hidden: 4, batch: 2 },
    { form: 'cls', words: 9, width: 6, heads: 2, batch: 2 },
    { form: 'additive', words: 3, width: 4, hidden: 2 },
  ],
  acmil: [
    { instances: 11, features: 6, width: 5, hidden: 4, branches: 3, classes: 3, batch: 2 },
    { form: 'multi-head', instances: 7, features: 5, width: 6, branches: 2, heads: 2, batch: 2 },
    { instances: 1, features: 3, width: 2, hidden: 2, branches: 1 },
  ],
  'gated-pooling': [
    { instances: 9, width: 6, hidden: 4, branches: 3, batch: 2 },
    { instances: 1, width: 3, hidden: 2, branches: 1 },
  ],
  'memory-read': [
    { queries: 3, units: 5, width: 6, tokens: 2, valueWidth: 4, k: 2, eta: 0.5, beta: 4, read: 'soft', batch: 2 },
    { queries: 4, units: 6, width: 8, tokens: 2, valueWidth: 3, k: 3, beta: 4, nullUnit: true },
    { queries: 2, units: 5, width: 4, tokens: 1, valueWidth: 2, k: 5, beta: 0.5, similarity: 'dot', read: 'soft' },
    { queries: 1, units: 1, width: 2, tokens: 1, valueWidth: 1 },
  ],
  oat: [
    { rows: 2, columns: 3, steps: 3, width: 8, hidden: 6, layers: 1, attentionHeads: 2, batch: 2 },
    {
      rows: 1,
      columns: 2,
      steps: 2,
      width: 4,
      hidden: 3,
      layers: 2,
      attentionHeads: 1,
      heads: 1,
      positions: 'sinusoidal',
      targetPlace: 'hidden',
    },
  ],
  'pointer-attention': [
    { rows: 2, columns: 3, steps: 4, width: 8, heads: 2, batch: 2 },
    { rows: 1, columns: 1, steps: 1, width: 5, heads: 1 },
    { rows: 2, columns: 2, steps: 3, width: 6, heads: 3 },
  ],
  'selector-summary': [
    { tasks: 2, selectors: 3, tokens: 5, width: 4, batch: 2 },
    { tasks: 1, selectors: 1, tokens: 1, width: 3 },
  ],
  'prefix-attention': [
    { tokens: 4, width: 6, heads: 2, prompts: 3, batch: 2 },
    { tokens: 3, width: 4, heads: 1, prompts: 0 },
  ],
  'label-attention': [
    { labels: 3, document: 7, knowledge: 5, width: 6, hidden: 4, classifier: 5, batch: 2, labelBlock: true },
    { labels: 2, document: 4, knowledge: 1, width: 5, hidden: 3, classifier: 4, selfView: false, softmax: false },
    { labels: 1, document: 1, knowledge: 2, width: 3, hidden: 2, classifier: 2, scaled: false },
  ],
  'multi-lane': [
    { variant: 'tiny', tasks: 2, classes: 3, selectors: 2, prompts: 2, side: 16, batch: 2 },
    { variant: 'tiny', tasks: 2, classes: 2, selectors: 3, prompts: 1, side: 16, cached: false, batch: 2 },
    { variant: 'tiny', tasks: 1, classes: 2, selectors: 1, prompts: 0, side: 16 },
  ],
  shsa: [
    { channels: 20, partial: 6, height: 5, width: 7, batch: 2 },
    { channels: 8, partial: 8, qkDim: 3, height: 4, width: 4 },
    { channels: 9, partial: 1, height: 1, width: 1 },
  ],
  'shvit-block': [
    { channels: 12, partial: 5, qkDim: 4, height: 4, width: 5, batch: 2 },
    { channels: 6, partial: 6, height: 1, width: 3 },
  ],
  shvit: [
    { variant: 'tiny', side: 64, classes: 5, batch: 2 },
    { variant: 'tiny', side: 33, classes: 3 },
  ],
  'spectformer-block': [
    { height: 3, width: 4, channels: 6, batch: 2 },
    { mixer: 'attention', height: 3, width: 4, channels: 6, heads: 2, batch: 2 },
    { mixer: 'attention', height: 1, width: 1, channels: 5, heads: 1 },
  ],
  spectformer: [
    { variant: 'tiny', alpha: 2, side: 16, classes: 5, batch: 2 },
    { variant: 'tiny', alpha: 0, side: 20, classes: 3 },
    { variant: 'tiny', alpha: 3, side: 17, classes: 3 },
  ],
  'isolated-attention': [
    { height: 4, width: 6, channels: 8, heads: 2 },
    { height: 5, width: 3, channels: 6, heads: 1, references: 'in-place', lambda: 1.5, dropout: 0.5, subjects: 3 },
    { height: 3, width: 4, channels: 4, heads: 2, references: 'none' },
    { height: 4, width: 4, channels: 4, heads: 2, isolate: false, dropout: 1 },
  ],
  'neural-memory-block': [
    { form: 'context', tokens: 9, width: 6, heads: 2, window: 6, chunk: 3, depth: 2, expansion: 1, kernel: 2 },
    { tokens: 11, width: 6, heads: 2, kernel: 3, chunk: 4, rate: 0.5, batch: 2 },
    { form: 'context', tokens: 5, width: 4, heads: 1, window: 4, chunk: 2, persistent: 0, kernel: 1, batch: 2 },
    { form: 'gate', tokens: 11, width: 4, heads: 2, window: 4, chunk: 4, persistent: 3, freeze: 7, reset: 5, batch: 2 },
    { form: 'layer', tokens: 9, width: 4, heads: 1, window: 3, chunk: 2, persistent: 2, kernel: 1, momentum: false },
    { form: 'gate', tokens: 5, width: 4, heads: 1, chunk: 8, persistent: 0, forgetting: false, rate: 0.2 },
  ],
  'tnl-block': [
    { tokens: 11, width: 6, heads: 2, hidden: 8, glu: 5, block: 4, layer: 1, layers: 4, batch: 2 },
    { tokens: 9, width: 4, heads: 3, hidden: 6, glu: 3, block: 2, form: 'parallel', decay: 'paper', rotation: false },
    { tokens: 8, width: 4, heads: 1, hidden: 4, glu: 3, block: 16, decay: 'none', features: 'elu + 1', gate: false },
  ],
  'fourier-mixing': [
    { tokens: 12, width: 5, batch: 2 },
    { tokens: 6, width: 3, form: 'direct', batch: 2 },
    { tokens: 7, width: 2 },
    { tokens: 1, width: 1 },
  ],
  'toeplitz-mixing': [
    { tokens: 8, width: 6, kernels: 3, form: 'transform', batch: 2 },
    { tokens: 7, width: 4, kernels: 2, causal: false, batch: 2 },
    { tokens: 7, width: 4, kernels: 1, causal: false, form: 'transform' },
    { tokens: 5, width: 2 },
    { tokens: 1, width: 1, causal: false, form: 'transform' },
  ],
  'token-mlp': [
    { tokens: 7, width: 4, hidden: 5, batch: 2 },
    { tokens: 1, width: 1, hidden: 1 },
  ],
  'covariance-attention': [
    { tokens: 7, width: 6, heads: 2, batch: 2 },
    { tokens: 1, width: 4, heads: 4, bias: false },
  ],
  'mutual-cross-attention': [
    { height: 3, width: 5, channels: 6, heads: 2, tokens: 4, textWidth: 5 },
    { height: 2, width: 3, channels: 4, heads: 1, tokens: 1, textWidth: 3, subjects: 3, lambda: 0.3 },
    { height: 1, width: 1, channels: 2, heads: 1, tokens: 2, textWidth: 2, subjects: 1, lambda: 1 },
  ],
  safa: [
    { channels: 6, blocks: 2, height: 24, width: 32, batch: 2 },
    { channels: 4, blocks: 1, target: 'fine', scaled: false, height: 15, width: 17 },
    { channels: 3, blocks: 3, height: 23, width: 15 },
    { channels: 4, blocks: 2, scales: 3, height: 23, width: 24, batch: 2 },
    { channels: 2, blocks: 1, scales: 4, target: 'coarsest', scaled: false, height: 15, width: 23 },
  ],
  featenhancer: [
    { hidden: 5, additions: 2, height: 15, width: 23 },
    { hidden: 4, additions: 3, height: 24, width: 16, batch: 2 },
  ],
  'multiscale-gate': [
    { image: 8, bodyWidth: 2, channels: 4, height: 4, width: 6, scales: 2, batch: 2 },
    {
      context: 'mask',
      form: 'channels',
      gate: 'residual',
      image: 8,
      globals: 2,
      channels: 2,
      height: 3,
      width: 3,
      scales: 1,
      strength1: 2,
    },
    { context: 'swapped', image: 8, bodyWidth: 1, channels: 2, height: 2, width: 2, scales: 1, batch: 2 },
    { context: 'mean', image: 8, bodyWidth: 1, channels: 2, height: 2, width: 2, scales: 1 },
    { context: 'ones', image: 8, channels: 2, height: 2, width: 2, scales: 1 },
    { context: 'none', image: 8, channels: 2, height: 4, width: 2, scales: 2 },
  ],
  'spectral-gate': [
    { height: 4, width: 6, channels: 3, batch: 2 },
    { height: 5, width: 7, channels: 2 },
    { height: 1, width: 8, channels: 4 },
    { height: 4, width: 6, channels: 3, batch: 2, form: 'fft' },
    { height: 3, width: 5, channels: 2, form: 'fft' },
    { height: 4, width: 4, channels: 2, inputHeight: 5, inputWidth: 6 },
  ],
};

export interface ModuleCase {
  readonly module: Module;
  readonly settings: readonly ParameterValues[];
}

export const resolved = <P extends ParameterValues>(module: Module<P>, given: ParameterValues): P => {
  const resolution = resolveTable(module.id, module.parameters, given);
  if (!resolution.ok) throw new Error(resolution.why);
  return resolution.values;
};

export const moduleCases: readonly ModuleCase[] = moduleCatalogue.map((module) => {
  const given = small[module.id];
  if (!given) throw new Error(`test/laws/modules/cases.ts has no small parameters for ${module.id}`);
  return { module, settings: given.map((each) => resolved(module, each)) };
});
