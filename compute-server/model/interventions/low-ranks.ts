/** Keys and values of low rank: the bases of the layers that are named, of the weights of the model. */
import { decomposed, stacked } from '../../../diagnostics/shared/weights/decomposition';
import type { LowRankChange } from '../../../models/instrument/changes/low-rank';
import { covers } from '../../../protocol/interventions/which';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { attentionIn } from '../../../models/architectures/block-heads';
import { layerWeights } from '../checkpoint/layer-weights';
import type { LoadedModel } from '../checkpoint/loaded-model';

/** Right singular vectors of the keys and values of a layer, the first of the largest value. */
type Directions = readonly Float32Array[];

/** By model and layer: a rank is tried after another. */
const kept = new WeakMap<LoadedModel, Map<number, Promise<Directions>>>();

/** Layers whose rank is lower than that of their projections; full ranks change nothing and are left out. */
export async function lowRanksOf(model: LoadedModel, list: readonly Intervention[]): Promise<readonly LowRankChange[]> {
  const named = list.filter((one) => one.kind === 'low-rank');
  const changes: LowRankChange[] = [];
  // "All" means the layers with attention; one without that is named is refused.
  const blocks = model.spec.blocks.filter(
    ({ index, attention }) => attention !== undefined || named.some(({ layers }) => layers.includes(index)),
  );
  for (const { index: layer } of named.length === 0 ? [] : blocks) {
    const rank = named.findLast(({ layers }) => layers.some((each) => covers(each, layer)))?.rank;
    if (rank === undefined) continue;
    const directions = await directionsOf(model, layer);
    if (rank >= directions.length) continue;
    const width = model.spec.hiddenSize;
    const basis = new Float32Array(width * rank);
    for (let at = 0; at < rank; at++) directions[at]?.forEach((value, row) => (basis[row * rank + at] = value));
    changes.push({ kind: 'low-rank', layer, rank, basis });
  }
  return changes;
}

function directionsOf(model: LoadedModel, layer: number): Promise<Directions> {
  const known = kept.get(model) ?? new Map<number, Promise<Directions>>();
  kept.set(model, known);
  const found = known.get(layer) ?? computed(model, layer);
  known.set(layer, found);
  return found;
}

async function computed({ spec, weights, weightsFolder }: LoadedModel, layer: number): Promise<Directions> {
  const block = spec.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  attentionIn(block);
  const { key, value } = await layerWeights(block, weights, weightsFolder, ['gates']);
  return decomposed(stacked([key, value])).right.map((row) => Float32Array.from(row));
}
