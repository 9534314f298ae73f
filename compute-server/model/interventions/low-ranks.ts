/** Keys and values of low rank: the bases of the layers that are named, of the weights of the model. */
import type { LowRankChange } from '../../../diagnostics/model-runner/variant';
import { decomposed, stacked, type Decomposition } from '../../../diagnostics/x-ecomla/decomposition';
import { covers } from '../../../protocol/interventions/which';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { layerWeights } from '../checkpoint/layer-weights';
import type { LoadedModel } from '../checkpoint/loaded-model';

/** By model and layer: a rank is tried after another. */
const decompositions = new WeakMap<LoadedModel, Map<number, Promise<Decomposition>>>();

/** Layers whose rank is lower than that of their projections; full ranks change nothing and are left out. */
export async function lowRanksOf(model: LoadedModel, list: readonly Intervention[]): Promise<readonly LowRankChange[]> {
  const named = list.filter((one) => one.kind === 'low-rank');
  const changes: LowRankChange[] = [];
  for (const { index: layer } of named.length === 0 ? [] : model.spec.blocks) {
    const rank = named.findLast(({ layers }) => layers.some((each) => covers(each, layer)))?.rank;
    if (rank === undefined) continue;
    const { singular, right } = await decompositionOf(model, layer);
    if (rank >= singular.length) continue;
    const width = model.spec.hiddenSize;
    const basis = new Float32Array(width * rank);
    for (let at = 0; at < rank; at++) right[at]?.forEach((value, row) => (basis[row * rank + at] = value));
    changes.push({ layer, rank, basis });
  }
  return changes;
}

function decompositionOf(model: LoadedModel, layer: number): Promise<Decomposition> {
  const known = decompositions.get(model) ?? new Map<number, Promise<Decomposition>>();
  decompositions.set(model, known);
  const found = known.get(layer) ?? decompose(model, layer);
  known.set(layer, found);
  return found;
}

async function decompose({ spec, weights, weightsFolder }: LoadedModel, layer: number): Promise<Decomposition> {
  const block = spec.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  const { key, value } = await layerWeights(block, weights, weightsFolder);
  return decomposed(stacked([key, value]));
}
