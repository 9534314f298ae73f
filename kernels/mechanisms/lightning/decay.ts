/** Linear attention without softmax or normaliser whose weights fade with distance: definition, state, rounding. */
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import type { AttentionInputs } from '../../tensors/tensor';

/**
 * o_t = sum_s lambda^|t - s| (q_t . k_s) v_s over the keys that t may read (s <= t in causal-self), with lambda = exp(-slope)
 * of the head; the left product, row by row. `dot` replaces q_t . k_s where a position is turned into it.
 * Gives [b, h, rows.length, dv] for the queries listed in `rows`.
 */
export function decayedRows(
  { query, key, value }: AttentionInputs,
  shape: AttentionShape,
  rows: readonly number[],
  slopes: readonly number[],
  dot?: (head: number, queryFrom: number, keyFrom: number, distance: number) => number,
): Tensor {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const offset = queryOffset(shape);
  const output = zeros([batch, heads, rows.length, valueDim]);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      for (const [r, i] of rows.entries()) {
        const from = ((b * heads + h) * queries + i) * headDim;
        const to = ((b * heads + h) * rows.length + r) * valueDim;
        const reach = isCausalSelf(shape) ? Math.min(keys, i + offset + 1) : keys;
        for (let j = 0; j < reach; j++) {
          const at = (kvHead * keys + j) * headDim;
          const distance = i + offset - j;
          let score = 0;
          if (dot) score = dot(h, from, at, distance);
          else for (let x = 0; x < headDim; x++) score += query.data[from + x]! * key.data[at + x]!;
          const weight = score * Math.exp(-slopes[h]! * Math.abs(distance));
          const valueAt = (kvHead * keys + j) * valueDim;
          for (let x = 0; x < valueDim; x++) output.data[to + x]! += weight * value.data[valueAt + x]!;
        }
      }
    }
  }
  return output;
}

/** kv = sum_s lambda^(m - 1 - s) k_s v_s^T after m keys, by kv_t = lambda kv_(t - 1) + k_t v_t^T: [b, h, d, dv]. */
export function decayedState(
  key: Tensor,
  value: Tensor,
  shape: AttentionShape,
  slopes: readonly number[],
  features: (x: number) => number = (x) => x,
): Tensor {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const state = zeros([batch, heads, headDim, valueDim]);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      const decay = Math.exp(-slopes[h]!);
      const at = (b * heads + h) * headDim * valueDim;
      for (let j = 0; j < keys; j++) {
        for (let x = 0; x < headDim; x++) {
          const k = features(key.data[(kvHead * keys + j) * headDim + x]!);
          for (let y = 0; y < valueDim; y++) {
            const cell = at + x * valueDim + y;
            state.data[cell] = decay * state.data[cell]! + k * value.data[(kvHead * keys + j) * valueDim + y]!;
          }
        }
      }
    }
  }
  return state;
}

/** lambda^(p + 1) q_p S of the rows at positions p, what a state S [b, h, d, dv] from before the first key adds to them. */
export function carriedRows(
  query: Tensor,
  state: Tensor,
  shape: AttentionShape,
  rows: readonly number[],
  slopes: readonly number[],
): Tensor {
  const { batch, heads, queries, headDim, valueDim } = shape;
  const output = zeros([batch, heads, rows.length, valueDim]);
  for (let head = 0; head < batch * heads; head++) {
    for (const [r, i] of rows.entries()) {
      const position = i + queryOffset(shape);
      if (position < 0) continue;
      const weight = Math.exp(-slopes[head % heads]! * (position + 1));
      for (let x = 0; x < headDim; x++) {
        const q = weight * query.data[(head * queries + i) * headDim + x]!;
        for (let y = 0; y < valueDim; y++) {
          output.data[(head * rows.length + r) * valueDim + y]! += q * state.data[(head * headDim + x) * valueDim + y]!;
        }
      }
    }
  }
  return output;
}
