/**
 * What the metric M of a prompt would change by if an output z were that of the baseline z', estimated for all of them by few
 * gradients (attribution patching; Syed et al. 2023, arXiv:2310.10348):
 *
 *   estimate = sum over positions and dimensions of (z' - z) . g
 *
 * g is the gradient of M with respect to z at the prompt, or its mean at the middles of equal parts of the straight line between the
 * token embeddings of counterpart and prompt (integrated gradients; Sundararajan et al. 2017, arXiv:1703.01365; on this line as
 * Hanna et al. 2024, arXiv:2403.17806). It is exact where M is linear in z. Unit: that of the metric.
 */
import type { GradientTap, LayerGradients } from '../../model-runner/gradients';
import { tapOf, type Replaceable } from '../../../models/instrument/changes/replacement';
import { Outputs, sizesOf } from '../../shared/effects/outputs';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import type { StandIn } from '../../shared/effects/stand-ins';
import { positionsOf, type Cell } from './cells';
import type { Attribution } from './prompts';
import { type Attributed, type GradientSettings, pointsOf, objectiveAt } from '../../shared/gradients/objective';

export interface Estimating extends GradientSettings, Pick<Attribution, 'columns'> {
  /** Only for a baseline that is no counterpart. */
  readonly standIn?: StandIn;
}

/** By cell. */
export async function estimated(
  model: ModelRunner,
  prompt: Attributed,
  cells: readonly Cell[],
  settings: Estimating,
): Promise<readonly number[]> {
  const sites = [...new Set(cells.map(({ site }) => site))];
  const changes = await changesOf(model, prompt, sites, settings);
  const taps = model.facts.blocks.flatMap((_, layer) =>
    sites.map((site) => ({ layer, tap: tapOf[site] as GradientTap })),
  );
  const sums = new Float64Array(cells.length);
  for await (const { point, share } of pointsOf(model, prompt, settings)) {
    const objective = await objectiveAt(model, point, prompt, settings);
    const { variant } = settings;
    const { layers } = await model.gradients({ ...sequencePart(point), objective, taps, variant });
    cells.forEach((cell, at) => {
      const positions = prompt.pair && positionsOf(cell, prompt.pair, settings.columns);
      sums[at] = (sums[at] ?? 0) + share * productOf(model.facts, cell, changes, layers[cell.layer], positions);
    });
  }
  return [...sums];
}

/** z' - z by layer and site, [slots, positions, width]. */
type Changes = ReadonlyMap<string, Float32Array>;

async function changesOf(
  model: ModelRunner,
  { sequence, pair }: Attributed,
  sites: readonly Replaceable[],
  { variant, standIn }: Estimating,
): Promise<Changes> {
  const own = await Outputs.of(model, sequence, variant, sites);
  const other = pair && (await Outputs.of(model, pair.corrupted, variant, sites));
  const changes = new Map<string, Float32Array>();
  for (const layer of model.facts.blocks.keys()) {
    for (const site of sites) {
      const { slots, width } = sizesOf(model.facts, site, layer);
      const size = sequence.ids.length * width;
      const change = new Float32Array(slots * size);
      for (let slot = 0; slot < slots; slot++) {
        const z = own.slot(site, layer, slot);
        const part = site === 'head' ? { layer, head: slot } : { layer };
        // One row of a stand-in stands for every position.
        const by = other ? other.slot(site, layer, slot) : (standIn?.(part).data ?? new Float32Array(width));
        for (let at = 0; at < size; at++) change[slot * size + at] = (by[at % by.length] ?? 0) - (z[at] ?? 0);
      }
      changes.set(`${layer} ${site}`, change);
    }
  }
  return changes;
}

function productOf(
  facts: ModelFacts,
  { site, layer, slot }: Cell,
  changes: Changes,
  given: LayerGradients | undefined,
  positions: readonly number[] | undefined,
): number {
  const [change, gradient] = [changes.get(`${layer} ${site}`), given?.taps[tapOf[site] as GradientTap]?.data];
  if (!change || !(gradient instanceof Float32Array)) throw new RangeError(`no gradient of ${site} in layer ${layer}`);
  const { slots, width } = sizesOf(facts, site, layer);
  const rows = change.length / slots / width;
  const from = site === 'head' ? slot * rows : 0;
  let sum = 0;
  for (const row of positions ?? Array.from({ length: rows }, (_, at) => at)) {
    for (let at = (from + row) * width; at < (from + row + 1) * width; at++) {
      sum += (change[at] ?? 0) * (gradient[at] ?? 0);
    }
  }
  return sum;
}
