/** Which graph of a layer a run needs. */
import { goesByColumns } from '../../../../diagnostics/model-runner/redistribution-sources';
import type { Variant } from '../../../../diagnostics/model-runner/variant';
import { rareChanges, type RareChange } from '../../../../models/instrument/interventions/interventions';
import type { LayerTap } from '../../../../models/instrument/taps';
import { plansLayer, readsMeans } from './plan-feeds';

const uses: Readonly<Record<RareChange, (variant: Variant, layer: number) => boolean>> = {
  phase: ({ phases = [] }, layer) => phases.some((change) => change.layer === layer),
  isolation: ({ isolations = [] }, layer) => isolations.some((change) => change.layer === layer),
  emphasis: ({ emphases = [] }, layer) => emphases.some((change) => change.layer === layer),
  redistribution: ({ redistributions = [] }, layer) => redistributions.some((change) => change.layer === layer),
  // Beside `redistribution`.
  'column-sources': goesByColumns,
  plan: plansLayer,
  // Beside `plan`.
  'plan-mean': readsMeans,
  routing: ({ routings = [] }, layer) => routings.some((change) => change.layer === layer),
  units: ({ unitGains = [] }, layer) => unitGains.some((change) => change.layer === layer),
  mixture: ({ mixtures = [] }, layer) => mixtures.some((change) => change.layer === layer),
  'low-rank': ({ lowRanks = [] }, layer) => lowRanks.some((change) => change.layer === layer),
};

export const usesChange = (change: RareChange, variants: readonly Variant[], layer: number): boolean =>
  variants.some((variant) => uses[change](variant, layer));

/** In the order of the table, so that a graph has one name. The tap of units is in their graph alone. */
export const rareChangesOf = (
  variants: readonly Variant[],
  layer: number,
  taps: readonly LayerTap[] = [],
): readonly RareChange[] =>
  rareChanges.filter(
    (change) => usesChange(change, variants, layer) || (change === 'units' && taps.includes('mlp_units')),
  );
