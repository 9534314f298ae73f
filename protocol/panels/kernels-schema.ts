/** Messages of the kernels panel to the extension, and the plan of its form as it is kept. */
import { mechanismViewRequest } from '../compute/mechanism-view';
import { neighborhoodRequest } from '../compute/neighborhood';
import { modes, pattern, setupOf } from '../results/benchmark-schema';
import type { Output, Schema } from '../schema/check';
import { anyNumber, byKind, list, number, object, oneOf, optional, text } from '../schema/fields';
import { moduleForm } from '../results/module-schema';
import { fromRunPanel } from './messages';

const formSetupOf = (number: Schema<number>) =>
  setupOf(
    object({
      pattern,
      heads: number,
      kvHeads: number,
      headDim: number,
      valueDim: number,
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

/** Files that a run of a module reads. */
const moduleFile = oneOf(['picture', 'tensors', 'weights']);
export type ModuleFile = Output<typeof moduleFile>;

export const fromKernelsPanel = byKind({
  ...fromRunPanel(plan),
  run: { plan },
  refreshDevices: {},
  /** Asks for the picture and the formulas of a mechanism; only the latest request is of interest. */
  mechanismView: { request: mechanismViewRequest },
  /** Asks the simulator of neighborhood attention. */
  neighborhoodBound: { request: neighborhoodRequest },
  /** Asks for the modules of the catalogue: their section was opened. */
  modules: {},
  /** Runs a module; answered by the messages of a run of a module. One at a time: a new one ends the one before. */
  runModule: { plan: moduleForm },
  stopModule: {},
  /** Opens the system's dialog; answered by `moduleFile` when a file was chosen. */
  chooseModuleFile: { what: moduleFile },
  openLink: { url: text },
});
export type FromKernelsPanel = Output<typeof fromKernelsPanel>;
