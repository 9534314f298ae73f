/** Softmax attention in float64, row by row, straight from the equations: the oracle of every mechanism built on it. */
import type { AttentionShape } from '../shape';
import { zeros, type Tensor } from '../tensors/tensor';
import type { AttentionInputs } from '../tensors/tensor';

export interface SoftmaxDefinition {
  /** Which keys a query may read (left out: all). */
  readonly reads?: (head: number, query: number, key: number) => boolean;
  /** Added to the scaled score of a pair. */
  readonly bias?: (head: number, query: number, key: number) => number;
  /** The score of a pair in place of the scaled one; -Infinity: it is not read. */
  readonly change?: (score: number, head: number, query: number, key: number) => number;
  /** Called for a query to which no key is left, before its zeros are given. */
  readonly emptied?: (head: number, query: number) => void;
}

/**
 * o_i = sum_j p_ij v_j with p_ij = exp(s_ij) / sum_k exp(s_ik) over the keys that query i may read, and
 * s_ij = q_i . k_j / sqrt(d) + bias_ij, or what `change` makes of it. A query that may read nothing gives zeros. A NaN that is read gives NaN.
 * Gives [b, h, rows.length, dv] for the queries listed in `rows`.
 */
export function softmaxRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  rows: readonly number[],
  definition: SoftmaxDefinition = {},
): Tensor {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const { reads, bias, change, emptied } = definition;
  const [q, k, v] = [inputs.query.data, inputs.key.data, inputs.value.data];
  const output = zeros([batch, heads, rows.length, valueDim]);
  const scores = new Float64Array(keys);
  const scale = 1 / Math.sqrt(headDim);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
      for (const [r, i] of rows.entries()) {
        const from = ((b * heads + h) * queries + i) * headDim;
        let highest = -Infinity;
        for (let j = 0; j < keys; j++) {
          if (reads && !reads(h, i, j)) {
            scores[j] = -Infinity;
            continue;
          }
          const at = (kvHead * keys + j) * headDim;
          let dot = 0;
          for (let x = 0; x < headDim; x++) dot += q[from + x]! * k[at + x]!;
          const biased = dot * scale + (bias ? bias(h, i, j) : 0);
          const score = change ? change(biased, h, i, j) : biased;
          scores[j] = score;
          highest = Math.max(highest, score);
        }
        if (highest === -Infinity) {
          emptied?.(h, i);
          continue;
        }
        const to = ((b * heads + h) * rows.length + r) * valueDim;
        let total = 0;
        for (let j = 0; j < keys; j++) {
          const score = scores[j]!;
          if (score === -Infinity) continue;
          const weight = Math.exp(score - highest);
          total += weight;
          const at = (kvHead * keys + j) * valueDim;
          for (let x = 0; x < valueDim; x++) output.data[to + x]! += weight * v[at + x]!;
        }
        for (let x = 0; x < valueDim; x++) output.data[to + x]! /= total;
      }
    }
  }
  return output;
}

export const allRows = (shape: AttentionShape): readonly number[] => Array.from({ length: shape.queries }, (_, i) => i);
