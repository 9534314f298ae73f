/**
 * Which keys an output really depends on, for mechanisms that have no matrix of probabilities: found by probing.
 *
 * e(i, j) = root mean square, over the channels of output i, of d output_i / d value_j in the direction (1, -1, 1, ...)
 * (central difference, step 1/64): what all channels have in common would vanish in a layer norm of the output. Softmax
 * attention gives its probabilities exactly, since its output is linear in the values; a mechanism that is not linear in them
 * is described at these inputs only. Costs 2 m calls of the reference.
 */
import type { AttentionInputs, Mechanism, ParameterValues } from '../mechanism';
import type { AttentionShape } from '../shape';
import { tensor, type Tensor } from '../tensors/tensor';

const step = 1 / 64;

/** [queries * keys] of query head `head` in batch 0. */
export function effectiveAttention(
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  head: number,
): Float64Array {
  const { queries, keys, valueDim } = shape;
  const kvHead = Math.floor(head / (shape.heads / shape.kvHeads));
  const effective = new Float64Array(queries * keys);
  for (let key = 0; key < keys; key++) {
    const up = outputOf(step);
    const down = outputOf(-step);
    for (let query = 0; query < queries; query++) {
      const start = (head * queries + query) * valueDim;
      let squares = 0;
      for (let channel = 0; channel < valueDim; channel++) {
        squares += ((up.data[start + channel]! - down.data[start + channel]!) / (2 * step)) ** 2;
      }
      effective[query * keys + key] = Math.sqrt(squares / valueDim);
    }

    function outputOf(change: number): Tensor {
      const data = Float64Array.from(inputs.value.data);
      const from = (kvHead * keys + key) * valueDim;
      for (let channel = 0; channel < valueDim; channel++)
        data[from + channel]! += channel % 2 === 0 ? change : -change;
      return mechanism.reference({ ...inputs, value: tensor(inputs.value.shape, data) }, shape, parameters);
    }
  }
  return effective;
}
