/** Seeded inputs of one call of a mechanism. */
import type { Mechanism, ParameterValues } from './mechanism';
import type { AttentionShape, Precision } from './shape';
import { roundedTensors, roundTo } from './tensors/precision';
import { normalTensor, seedFor } from './tensors/random';
import { sizeOf, tensor, type Tensor } from './tensors/tensor';
import type { AttentionInputs } from './tensors/tensor';

/** Query, key and value of standard normal numbers and the mechanism's weights as it asks for them. */
export function drawInputs(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  seed: number,
): AttentionInputs {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const shared = {
    query: normalTensor([batch, heads, queries, headDim], seedFor(seed, 'query')),
    key: normalTensor([batch, kvHeads, keys, headDim], seedFor(seed, 'key')),
    value: normalTensor([batch, kvHeads, keys, valueDim], seedFor(seed, 'value')),
  };
  return { ...shared, weights: weightsFor(mechanism, shape, parameters, seed, shared) };
}

/** The mechanism's weights, drawn as it asks for them, then learned from these inputs where it learns some. */
export function weightsFor(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  seed: number,
  inputs: Omit<AttentionInputs, 'weights'>,
): Readonly<Record<string, Tensor>> {
  const weights: Record<string, Tensor> = {};
  for (const { name, shape: dims, initial } of mechanism.weights?.(shape, parameters) ?? []) {
    weights[name] =
      initial.kind === 'normal'
        ? normalTensor(dims, seedFor(seed, name), initial.deviation)
        : tensor(dims, new Float64Array(sizeOf(dims)).fill(initial.value));
  }
  return { ...weights, ...mechanism.fit?.({ ...inputs, weights }, shape, parameters) };
}

/** The numbers that a graph of this precision reads: the reference takes the very same. */
export const roundedInputs = (
  { query, key, value, weights }: AttentionInputs,
  precision: Precision,
): AttentionInputs => ({
  query: roundTo(query, precision),
  key: roundTo(key, precision),
  value: roundTo(value, precision),
  weights: roundedTensors(weights, precision),
});
