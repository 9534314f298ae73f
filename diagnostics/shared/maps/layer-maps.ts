/** Attention maps of all heads of a layer, for analyses that look at whole maps. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';

/** By head: probabilities [n, n], row-major; 0 at keys that the query may not read. The layers below run once more for it. */
export async function layerMaps(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  layer: number,
): Promise<readonly Float32Array[]> {
  const { heads = 0 } = model.facts.blocks[layer] ?? {};
  const maps = Array.from({ length: heads }, (_, head) => ({ layer, head }));
  const { layers } = await model.run({ ...sequence, variants: [variant], maps, depth: layer + 1, logits: 'none' });
  return maps.map(({ head }) => {
    const map = layers[layer]?.maps.get(head);
    if (!map) throw new RangeError(`the run gave no map of L${layer}H${head}`);
    return map;
  });
}

/** Bytes of the maps of the layer with most heads, over so many rows. */
export const mapBytes = ({ blocks }: Pick<ModelFacts, 'blocks'>, rows: number): number =>
  4 * rows ** 2 * Math.max(0, ...blocks.map(({ heads }) => heads));

/** Passes that `layerMaps` of every layer takes. */
export const passesOfMaps = ({ blocks }: Pick<ModelFacts, 'blocks'>): number => (blocks.length + 1) / 2;

/** The keys [from, to) that a row may read. */
export function readableKeys(
  { causal, window = Infinity, chunked = false }: Pick<ModelFacts['blocks'][number], 'causal' | 'window' | 'chunked'>,
  { ids, prefix = 0 }: Pick<Sequence, 'ids' | 'prefix'>,
  row: number,
): readonly [from: number, to: number] {
  if (!causal) return [0, ids.length];
  const first = chunked ? row - (row % window) : Math.max(0, row - window + 1);
  return [first, Math.max(row + 1, row < prefix ? prefix : 0)];
}
