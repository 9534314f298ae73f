/**
 * The noise of a diffusion model at one of its steps, as VCD distorts pictures (arXiv 2311.16922, section 3.2): x the numbers that
 * the image processor made, e normal, beta_s = 1e-5 + (5e-3 - 1e-5) sigmoid(u_s), u from -6 to 6 in 1,000 equal steps,
 * a = product over s <= t of (1 - beta_s):
 *
 *   x_t = sqrt(a) x + sqrt(1 - a) e
 */
import type { Random } from '../../../kernels/tensors/random';

/** Steps of the diffusion, counted from 0. */
export const noiseSteps = 1000;

/** a: the share of the variance that is still of the picture. */
export function signalLeft(step: number): number {
  let left = 1;
  for (let s = 0; s <= step; s++) {
    const u = -6 + (12 * s) / (noiseSteps - 1);
    left *= 1 - (1e-5 + (5e-3 - 1e-5) / (1 + Math.exp(-u)));
  }
  return left;
}

export function noised(pixels: Float32Array, step: number, source: Random): Float32Array {
  const left = signalLeft(step);
  const [signal, noise] = [Math.sqrt(left), Math.sqrt(1 - left)];
  return pixels.map((value) => signal * value + noise * source.normal());
}
