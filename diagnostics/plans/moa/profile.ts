/** Influence of the attention weights of a model on the loss of one answer. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainOf } from '../../../models/instrument/changes/changes';
import { groupBytes, layerGroups } from '../../shared/maps/layer-groups';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { TensorData } from '../../model-runner/run-request';
import type { Supervised } from './calibration';
import { blockInfluence, largestOf } from './influence';

/** Bytes of the attention weights of each layer. */
export const weightBytes = ({ blocks }: ModelFacts, tokens: number): readonly number[] =>
  blocks.map(({ heads }) => 4 * tokens ** 2 * heads);

/** Bytes that a profile of a prompt of so many tokens holds. */
export const heldBytes = (facts: ModelFacts, tokens: number): number =>
  groupBytes(weightBytes(facts, tokens)) +
  2 * 4 * tokens ** 2 +
  4 * tokens * facts.blocks.reduce((sum, { heads, kvHeads, headDim }) => sum + (heads + kvHeads) * headDim, 0);

/**
 * [layers][key/value heads]: |E| by blocks, of the query heads of a group the largest. The output of a head is gain x A V, so that
 * dL/dA = gain x dL/doutput V^T, from one backward pass for all layers.
 */
export async function influenceOf(
  model: ModelRunner,
  { sequence, rows }: Supervised,
  variant: Variant,
  grid: { readonly block: number; readonly blocks: number },
): Promise<readonly (readonly Float64Array[])[]> {
  const { blocks } = model.facts;
  const n = sequence.ids.length;
  const every = blocks.map((_, layer) => layer);
  const { layers: gradients } = await model.gradients({
    ...sequence,
    variant,
    objective: { kind: 'loss', rows },
    taps: every.map((layer) => ({ layer, tap: 'attention.head_output' })),
  });
  const { layers: plain } = await model.run({
    ...sequence,
    variants: [variant],
    taps: every.map((layer) => ({ layer, tap: 'attention.value' })),
    logits: 'none',
  });
  const byLayer = new Map(gradients.map((one) => [one.layer, one.taps['attention.head_output']]));
  const maps: (readonly Float64Array[])[] = [];
  for (const together of layerGroups(weightBytes(model.facts, n))) {
    const { layers } = await model.run({
      ...sequence,
      variants: [variant],
      depth: Math.max(...together) + 1,
      taps: together.map((layer) => ({ layer, tap: 'attention.probabilities' })),
      logits: 'none',
    });
    for (const layer of together) {
      const { heads = 0, kvHeads = 0 } = blocks[layer] ?? {};
      const weights = numbersOf(layers[layer]?.taps['attention.probabilities']);
      const slopes = numbersOf(byLayer.get(layer));
      const values = numbersOf(plain[layer]?.taps['attention.value']);
      const [each, valueSize] = [slopes.length / heads, values.length / kvHeads];
      const own: Float64Array[] = [];
      for (let kv = 0; kv < kvHeads; kv++) {
        const value = values.subarray(kv * valueSize, (kv + 1) * valueSize);
        const shared: Float64Array[] = [];
        for (let head = (kv * heads) / kvHeads; head < ((kv + 1) * heads) / kvHeads; head++) {
          const slope = await model.weights.product(slopes.subarray(head * each, (head + 1) * each), value, each / n);
          const gain = gainOf(variant, layer, head);
          const scaled = gain === 1 ? slope : slope.map((one) => gain * one);
          shared.push(blockInfluence(weights.subarray(head * n * n, (head + 1) * n * n), scaled, n, grid));
        }
        own.push(largestOf(shared));
      }
      maps.push(own);
    }
  }
  return maps;
}

function numbersOf(tensor: TensorData | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError('the run gave no numbers of a layer');
  return tensor.data;
}
