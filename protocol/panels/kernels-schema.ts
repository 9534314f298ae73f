/** Messages of the kernels panel to the extension, and the plan of its form as it is kept: numbers are what was typed so far. */
import type { MechanismViewRequest } from '../compute/mechanism-view';
import { neighborhoodTilings, type NeighborhoodAxis, type NeighborhoodRequest } from '../compute/neighborhood';
import type { BenchmarkPlan, BenchmarkShape } from '../results/benchmark';
import { modes, parametersOf, pattern, planOf } from '../results/benchmark-schema';
import type { Schema } from '../schema/check';
import { byKind, either, exactly, flag, list, object, oneOf, optional, text, anyNumber } from '../schema/fields';
import type { FromKernelsPanel } from './kernels';
import { copied, exported } from './messages';

const heads = { pattern, heads: anyNumber, kvHeads: anyNumber, headDim: anyNumber, valueDim: anyNumber };

export const benchmarkPlan: Schema<BenchmarkPlan> = planOf(
  object<BenchmarkShape>({
    ...heads,
    batch: anyNumber,
    mode: optional(oneOf(modes)),
    lengths: list(anyNumber),
    keys: optional(anyNumber),
  }),
  anyNumber,
);

const viewRequest = object<MechanismViewRequest>({
  mechanism: text,
  parameters: parametersOf(anyNumber),
  shape: object<MechanismViewRequest['shape']>(heads),
  length: either(anyNumber, exactly('fitting'), 'a number or "fitting"'),
  head: either(anyNumber, exactly('any'), 'a number or "any"'),
  effective: flag,
  seed: anyNumber,
  lengths: list(anyNumber),
});

const neighborhood = object<NeighborhoodRequest>({
  axes: list(
    object<NeighborhoodAxis>({
      size: anyNumber,
      window: anyNumber,
      stride: anyNumber,
      dilation: anyNumber,
      causal: flag,
      queryTile: anyNumber,
      keyTile: anyNumber,
    }),
  ),
  tiling: oneOf(neighborhoodTilings),
  attentionShare: anyNumber,
  sparseSteps: anyNumber,
});

const plan = benchmarkPlan;

type HeadAt = NonNullable<Extract<FromKernelsPanel, { readonly kind: 'openFull' }>['select']>;

export const fromKernelsPanel: Schema<FromKernelsPanel> = byKind<FromKernelsPanel>({
  ready: {},
  planned: { plan },
  run: { plan },
  cancel: {},
  save: {},
  openFull: { plan, select: optional(object<HeadAt>({ layer: anyNumber, head: anyNumber })) },
  refreshDevices: {},
  mechanismView: { request: viewRequest },
  neighborhoodBound: { request: neighborhood },
  compare: {},
  stopComparing: {},
  export: exported,
  copy: copied,
  openLink: { url: text },
});
