/**
 * Which keys an output really depends on, for mechanisms that have no matrix of probabilities: found by probing.
 *
 * e(i, j) = root mean square, over the channels of output i, of d output_i / d value_j in the direction (1, -1, 1, ...)
 * (central difference, step 1/64): what all channels have in common would vanish in a layer norm of the output. Softmax
 * attention gives its probabilities exactly, since its output is linear in the values; a mechanism that is not linear in them
 * is described at these inputs only. Costs 2 m calls of the reference.
 *
 * Over many positions: the weight that a query gives to a cell of neighbouring keys together, where a weight holds for all
 * channels of a value alike (`averagesValues` of the template). Each channel then asks for another cell.
 */
import type { Mechanism, ParameterValues } from './mechanism';
import type { AttentionShape } from './shape';
import { tensor, type Tensor } from './tensors/tensor';
import type { AttentionInputs } from './tensors/tensor';

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

/** Whether `effectiveMass` describes the mechanism: its weights hold for all channels, and rows can be asked for alone. */
export const hasMass = (mechanism: Mechanism): boolean =>
  mechanism.template.normaliser.averagesValues && mechanism.referenceRows !== undefined;

/**
 * [ceil(queries / scale) * ceil(keys / scale)] of query head `head` in batch 0: the weight that the last query of each cell
 * gives to all keys of a cell. Costs 2 ceil(cells / dv) calls of `referenceRows`.
 */
export function effectiveMass(
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  head: number,
  scale: number,
): Float64Array {
  const { queries, keys, valueDim } = shape;
  const kvHead = Math.floor(head / (shape.heads / shape.kvHeads));
  const [down, across] = [Math.ceil(queries / scale), Math.ceil(keys / scale)];
  const rows = Array.from({ length: down }, (_, cell) => Math.min(queries, (cell + 1) * scale) - 1);
  const mass = new Float64Array(down * across);
  for (let first = 0; first < across; first += valueDim) {
    const last = Math.min(across, first + valueDim);
    const [up, below] = [outputOf(step), outputOf(-step)];
    for (let row = 0; row < down; row++) {
      const start = (head * down + row) * valueDim;
      for (let cell = first; cell < last; cell++) {
        const at = start + cell - first;
        mass[row * across + cell] = Math.abs(up.data[at]! - below.data[at]!) / (2 * step);
      }
    }

    function outputOf(change: number): Tensor {
      const data = Float64Array.from(inputs.value.data);
      for (let key = first * scale; key < Math.min(keys, last * scale); key++) {
        data[(kvHead * keys + key) * valueDim + Math.floor(key / scale) - first]! += change;
      }
      const changed = { ...inputs, value: tensor(inputs.value.shape, data) };
      return mechanism.referenceRows!(changed, shape, parameters, rows);
    }
  }
  return mass;
}
