/** Messages of the kernels panel to the extension, and the plan of its form as it is kept. */
import type { MechanismViewRequest } from '../compute/mechanism-view';
import { neighborhoodTilings, type NeighborhoodAxis, type NeighborhoodRequest } from '../compute/neighborhood';
import {
  type BenchmarkSetup,
  type BenchmarkShape,
  modes,
  parametersOf,
  pattern,
  setupOf,
} from '../results/benchmark-schema';
import type { Schema } from '../schema/check';
import {
  anyNumber,
  byKind,
  either,
  exactly,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  type Fields,
} from '../schema/fields';
import type { FromKernelsPanel } from './kernels';
import { moduleForm } from '../results/module-schema';
import { fromRunPanel } from './messages';

const headsOf = (number: Schema<number>): Fields<MechanismViewRequest['shape']> => ({
  pattern,
  heads: number,
  kvHeads: number,
  headDim: number,
  valueDim: number,
});

const formSetupOf = (number: Schema<number>): Schema<BenchmarkSetup> =>
  setupOf(
    object<BenchmarkShape>({
      ...headsOf(number),
      batch: number,
      mode: optional(oneOf(modes)),
      lengths: list(number),
      keys: optional(number),
    }),
    number,
  );

/** A plan that was kept. */
export const benchmarkSetup = formSetupOf(number);
const plan = formSetupOf(anyNumber);

const viewRequest = object<MechanismViewRequest>({
  mechanism: text,
  parameters: parametersOf(anyNumber),
  shape: object<MechanismViewRequest['shape']>(headsOf(anyNumber)),
  length: either(anyNumber, exactly('fitting'), 'a number or "fitting"'),
  head: either(anyNumber, exactly('any'), 'a number or "any"'),
  effective: flag,
  system: optional(flag),
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

export const fromKernelsPanel: Schema<FromKernelsPanel> = byKind<FromKernelsPanel>({
  ...fromRunPanel(plan),
  run: { plan },
  refreshDevices: {},
  mechanismView: { request: viewRequest },
  neighborhoodBound: { request: neighborhood },
  modules: {},
  runModule: { plan: moduleForm },
  stopModule: {},
  chooseModuleFile: { what: oneOf(['picture', 'tensors', 'weights']) },
  openLink: { url: text },
});
