/** Messages of the kernels panel to the extension, and the plan of its form as it is kept: numbers are what was typed so far. */
import type { MechanismViewRequest } from '../compute/mechanism-view';
import type { NeighborhoodAxis, NeighborhoodRequest } from '../compute/neighborhood';
import type { BenchmarkPlan, BenchmarkShape } from '../results/benchmark';
import { modes, parameters, pattern, planOf } from '../results/benchmark-schema';
import type { Schema } from '../schema/check';
import { byKind, either, exactly, flag, list, object, oneOf, optional, text, typedNumber } from '../schema/fields';
import type { FromKernelsPanel } from './kernels';
import { copied, exported } from './messages';

const heads = { pattern, heads: typedNumber, kvHeads: typedNumber, headDim: typedNumber, valueDim: typedNumber };

export const benchmarkPlan: Schema<BenchmarkPlan> = planOf(
  object<BenchmarkShape>({
    ...heads,
    batch: typedNumber,
    mode: optional(oneOf(modes)),
    lengths: list(typedNumber),
    keys: optional(typedNumber),
  }),
  typedNumber,
);

const viewRequest = object<MechanismViewRequest>({
  mechanism: text,
  parameters,
  shape: object<MechanismViewRequest['shape']>(heads),
  length: either(typedNumber, exactly('fitting'), 'a number or "fitting"'),
  head: either(typedNumber, exactly('any'), 'a number or "any"'),
  effective: flag,
  seed: typedNumber,
  lengths: list(typedNumber),
});

const neighborhood = object<NeighborhoodRequest>({
  axes: list(
    object<NeighborhoodAxis>({
      size: typedNumber,
      window: typedNumber,
      stride: typedNumber,
      dilation: typedNumber,
      causal: flag,
      queryTile: typedNumber,
      keyTile: typedNumber,
    }),
  ),
  tiling: oneOf(['static', 'dynamic', 'flattened']),
  attentionShare: typedNumber,
  sparseSteps: typedNumber,
});

const plan = benchmarkPlan;

export const fromKernelsPanel: Schema<FromKernelsPanel> = byKind<FromKernelsPanel>({
  ready: {},
  planned: { plan },
  run: { plan },
  cancel: {},
  save: {},
  openFull: { plan },
  refreshDevices: {},
  mechanismView: { request: viewRequest },
  neighborhoodBound: { request: neighborhood },
  compare: {},
  stopComparing: {},
  export: exported,
  copy: copied,
  openLink: { url: text },
});
