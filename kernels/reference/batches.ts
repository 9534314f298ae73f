/** One sequence of a batch, for references whose choice of keys differs from sequence to sequence. */
import { zeros, type Tensor } from '../tensors/tensor';
import type { AttentionInputs } from '../tensors/tensor';

/** Sequence `b` of [b, heads, positions, width] without its first positions, [1, heads, positions - first, width]. */
export function sequenceTensor(x: Tensor, b: number, first = 0): Tensor {
  const [, count, length, width] = x.shape as readonly [number, number, number, number];
  const kept = zeros([1, count, length - first, width]);
  for (let h = 0; h < count; h++) {
    const from = (b * count + h) * length;
    kept.data.set(x.data.subarray((from + first) * width, (from + length) * width), h * (length - first) * width);
  }
  return kept;
}

export const sequenceInputs = (inputs: AttentionInputs, b: number, firstQuery = 0): AttentionInputs => ({
  query: sequenceTensor(inputs.query, b, firstQuery),
  key: sequenceTensor(inputs.key, b),
  value: sequenceTensor(inputs.value, b),
  weights: inputs.weights,
});
