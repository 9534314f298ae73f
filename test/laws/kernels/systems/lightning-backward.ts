/** The backward recursion of Lightning Attention-2 in float64, in blocks of any size: what derivatives are compared with. */
import type { AttentionShape } from '../../../../kernels/shape';
import { zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

/**
 * The gradients of sum(g o) by the backward recursion of arXiv:2401.04658, algorithm 2, in the kernel's placement: a forward
 * sweep over the blocks for dQ, a backward sweep for dK and dV, in float64.
 */
export function backward(inputs: AttentionInputs, g: Tensor, shape: AttentionShape, slope: number, size: number) {
  const { heads, queries: n, headDim: d, valueDim: e } = shape;
  const fade = (steps: number): number => Math.exp(-slope * steps);
  const gradients = { query: zeros([1, heads, n, d]), key: zeros([1, heads, n, d]), value: zeros([1, heads, n, e]) };
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, at) => sum + x * b[at]!, 0);
  const starts = Array.from({ length: Math.ceil(n / size) }, (_, block) => block * size);
  for (let h = 0; h < heads; h++) {
    const row = (x: Tensor, i: number): Float64Array => {
      const width = x.shape[3]!;
      return x.data.subarray((h * n + i) * width, (h * n + i + 1) * width);
    };
    const addTo = (x: Tensor, i: number, factor: number, other: Float64Array): void => {
      other.forEach((each, at) => (row(x, i)[at]! += factor * each));
    };
    let state = new Float64Array(d * e);
    for (const start of starts) {
      const rows = Math.min(size, n - start);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j <= i; j++) {
          const pull = fade(i - j) * dot(row(g, start + i), row(inputs.value, start + j));
          const score = fade(i - j) * dot(row(inputs.query, start + i), row(inputs.key, start + j));
          addTo(gradients.query, start + i, pull, row(inputs.key, start + j));
          addTo(gradients.key, start + j, pull, row(inputs.query, start + i));
          addTo(gradients.value, start + j, score, row(g, start + i));
        }
        for (let x = 0; x < d; x++) {
          row(gradients.query, start + i)[x]! += fade(i) * dot(row(g, start + i), state.subarray(x * e, (x + 1) * e));
        }
      }
      state = state.map((each) => each * fade(rows));
      for (let i = 0; i < rows; i++) {
        for (let x = 0; x < d; x++) {
          for (let y = 0; y < e; y++) {
            state[x * e + y]! += fade(rows - i) * row(inputs.key, start + i)[x]! * row(inputs.value, start + i)[y]!;
          }
        }
      }
    }
    let dState = new Float64Array(d * e);
    for (const start of [...starts].reverse()) {
      const rows = Math.min(size, n - start);
      for (let i = 0; i < rows; i++) {
        for (let x = 0; x < d; x++) {
          for (let y = 0; y < e; y++) {
            const pulled = fade(rows - i) * dState[x * e + y]!;
            row(gradients.key, start + i)[x]! += pulled * row(inputs.value, start + i)[y]!;
            row(gradients.value, start + i)[y]! += pulled * row(inputs.key, start + i)[x]!;
          }
        }
      }
      dState = dState.map((each) => each * fade(rows));
      for (let i = 0; i < rows; i++) {
        for (let x = 0; x < d; x++) {
          for (let y = 0; y < e; y++) {
            dState[x * e + y]! += fade(i) * row(inputs.query, start + i)[x]! * row(g, start + i)[y]!;
          }
        }
      }
    }
  }
  return gradients;
}
