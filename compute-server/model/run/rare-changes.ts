/** Which graph of a layer a run needs. */
import type { Variant } from '../../../diagnostics/model-runner/variant';
import { rareChanges, type RareChange } from '../../../models/instrument/interventions/interventions';
import { plansLayer, readsMeans } from './plan-feeds';

const uses: Readonly<Record<RareChange, (variant: Variant, layer: number) => boolean>> = {
  phase: ({ phases = [] }, layer) => phases.some((change) => change.layer === layer),
  isolation: ({ isolations = [] }, layer) => isolations.some((change) => change.layer === layer),
  plan: plansLayer,
  // Beside `plan`.
  'plan-mean': readsMeans,
};

export const usesChange = (change: RareChange, variants: readonly Variant[], layer: number): boolean =>
  variants.some((variant) => uses[change](variant, layer));

/** In the order of the table, so that a graph has one name. */
export const rareChangesOf = (variants: readonly Variant[], layer: number): readonly RareChange[] =>
  rareChanges.filter((change) => usesChange(change, variants, layer));
