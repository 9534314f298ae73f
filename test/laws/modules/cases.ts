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
  convformer: [
    { frames: 3, channels: 4, heads: 2, kernels: '3,3,3', spatialBlocks: 1, temporalBlocks: 1, fuse: false, batch: 2 },
    { frames: 2, channels: 2, heads: 1, kernels: '3,5,7', spatialBlocks: 2, temporalBlocks: 1 },
  ],
  lama: [
    { words: 9, width: 6, heads: 3, batch: 2 },
    { words: 8, width: 5, heads: 2, context: 'mean', rank: 2, temperature: 0.5, batch: 2 },
    { words: 3, width: 4, heads: 2, context: 'other', activation: 'none', l2: false },
  ],
  'selector-summary': [
    { tasks: 2, selectors: 3, tokens: 5, width: 4, batch: 2 },
    { tasks: 1, selectors: 1, tokens: 1, width: 3 },
  ],
  'prefix-attention': [
    { tokens: 4, width: 6, heads: 2, prompts: 3, batch: 2 },
    { tokens: 3, width: 4, heads: 1, prompts: 0 },
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
  'spectral-gate': [
    { height: 4, width: 6, channels: 3, batch: 2 },
    { height: 5, width: 7, channels: 2 },
    { height: 1, width: 8, channels: 4 },
    { height: 4, width: 6, channels: 3, batch: 2, form: 'fft' },
    { height: 3, width: 5, channels: 2, form: 'fft' },
  ],
};

export interface ModuleCase {
  readonly module: Module;
  readonly settings: readonly ParameterValues[];
}

export const resolved = (module: Module, given: ParameterValues): ParameterValues => {
  const resolution = resolveTable(module.id, module.parameters, given);
  if (!resolution.ok) throw new Error(resolution.why);
  return resolution.values;
};

export const moduleCases: readonly ModuleCase[] = moduleCatalogue.map((module) => {
  const given = small[module.id];
  if (!given) throw new Error(`test/laws/modules/cases.ts has no small parameters for ${module.id}`);
  return { module, settings: given.map((each) => resolved(module, each)) };
});
