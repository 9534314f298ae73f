/**
 * A head as a linear system whose matrices change with the position (arXiv:2405.15731):
 *   h_i = L_i h_(i-1) + B_i u_i,   y_i = C_i h_i,   h_0 = 0,   L_i diagonal.
 * u_i is one channel of the value at position i and h_i has n numbers for it; all channels have the same matrices, so that the
 * state of a head is n dv numbers. Equals the parallel form, whose weights are the impulse response C_i L_i ... L_(j+1) B_j.
 */
import { zeros, type Tensor } from '../tensors/tensor';

export interface LinearSystem {
  /** n, the state expansion. */
  readonly size: number;
  /** The diagonal of L_i, [positions, n]; 0 at the first position. */
  readonly transition: Tensor;
  /** B_i, [positions, n]. */
  readonly input: Tensor;
  /** C_i, [positions, n]. */
  readonly output: Tensor;
}

/**
 * The system of weights (phi_i . psi_j) decay^(i - j) / eta_i: L_i = decay eta_(i-1) / eta_i, B_i = psi_i / eta_i, C_i = phi_i.
 * phi and psi [positions, n]; `etas` left out: 1.
 */
export function kernelSystem(
  phi: Tensor,
  psi: Tensor,
  { decay = 1, etas }: { readonly decay?: number; readonly etas?: readonly number[] } = {},
): LinearSystem {
  const [positions, size] = psi.shape as readonly [number, number];
  const [transition, input] = [zeros([positions, size]), zeros([positions, size])];
  for (let i = 0; i < positions; i++) {
    const eta = etas?.[i] ?? 1;
    for (let x = 0; x < size; x++) {
      const at = i * size + x;
      transition.data[at] = i === 0 ? 0 : (decay * (etas?.[i - 1] ?? 1)) / eta;
      input.data[at] = psi.data[at]! / eta;
    }
  }
  return { size, transition, input, output: phi };
}

/** y of all channels of u [positions, channels], position by position. */
export function runSystem({ size, transition, input, output }: LinearSystem, u: Tensor): Tensor {
  const [positions, channels] = u.shape as readonly [number, number];
  const state = new Float64Array(size * channels);
  const y = zeros([positions, channels]);
  for (let i = 0; i < positions; i++) {
    for (let x = 0; x < size; x++) {
      const at = i * size + x;
      for (let c = 0; c < channels; c++) {
        const cell = x * channels + c;
        state[cell] = transition.data[at]! * state[cell]! + input.data[at]! * u.data[i * channels + c]!;
        y.data[i * channels + c]! += output.data[at]! * state[cell];
      }
    }
  }
  return y;
}

/** C_i L_i ... L_(j+1) B_j, [positions, positions], 0 for j > i: what output i takes of input j. */
export function impulseResponse(system: LinearSystem): Tensor {
  const { size, transition, input, output } = system;
  const positions = transition.shape[0]!;
  const response = zeros([positions, positions]);
  for (let j = 0; j < positions; j++) {
    const state = input.data.slice(j * size, (j + 1) * size);
    for (let i = j; i < positions; i++) {
      let sum = 0;
      for (let x = 0; x < size; x++) {
        if (i > j) state[x]! *= transition.data[i * size + x]!;
        sum += output.data[i * size + x]! * state[x]!;
      }
      response.data[i * positions + j] = sum;
    }
  }
  return response;
}

/** Queries and keys of one query head of the first sequence, each [positions, d]. */
export function headRows(
  { query, key }: { readonly query: Tensor; readonly key: Tensor },
  head: number,
): { readonly query: Tensor; readonly key: Tensor } {
  const rows = (x: Tensor, at: number): Tensor => {
    const [, , length, width] = x.shape as readonly [number, number, number, number];
    return { shape: [length, width], data: x.data.slice(at * length * width, (at + 1) * length * width) };
  };
  const group = query.shape[1]! / key.shape[1]!;
  return { query: rows(query, head), key: rows(key, Math.floor(head / group)) };
}
