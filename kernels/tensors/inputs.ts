/** Seeded inputs of one call of a mechanism. */
import type { AttentionInputs, Mechanism, ParameterValues } from '../mechanism';
import type { AttentionShape } from '../shape';
import { normalTensor, seedFor } from './random';
import { sizeOf, tensor, type Tensor } from './tensor';

/** Query, key and value of standard normal numbers and the mechanism's weights as it asks for them. */
export function drawInputs(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  seed: number,
): AttentionInputs {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const weights: Record<string, Tensor> = {};
  for (const weight of mechanism.weights?.(shape, parameters) ?? []) {
    const { initial } = weight;
    weights[weight.name] =
      initial.kind === 'normal'
        ? normalTensor(weight.shape, seedFor(seed, weight.name), initial.deviation)
        : tensor(weight.shape, new Float64Array(sizeOf(weight.shape)).fill(initial.value));
  }
  return {
    query: normalTensor([batch, heads, queries, headDim], seedFor(seed, 'query')),
    key: normalTensor([batch, kvHeads, keys, headDim], seedFor(seed, 'key')),
    value: normalTensor([batch, kvHeads, keys, valueDim], seedFor(seed, 'value')),
    weights,
  };
}
