/**
 * Dark pictures with a known answer: a bright shape on a dim ground, seen by a sensor that counts photons. At gain g a pixel of
 * brightness v counts a Poisson number of mean g v `photons`, and its value is the count over `photons`: a darker picture is smaller in
 * its values, and noisier for its size (signal over noise falls with the root of the gain).
 */
import type { Random } from '../../../kernels/tensors/random';

/** Pixels along each side. */
export const side = 24;
/** Counted at brightness 1 and gain 1. */
export const photons = 100;
export const gains = [1, 0.25, 0.06, 0.015] as const;

const reach = 4;
const ground = 0.2;
const bright = 0.8;

/** Whether the shape covers the pixel `down` and `right` of its middle, of 9 x 9. */
const covers = [
  (down: number, right: number) => Math.abs(down) <= 1 || Math.abs(right) <= 1,
  (down: number, right: number) => Math.abs(Math.abs(down) - Math.abs(right)) <= 1,
  (down: number, right: number) => Math.max(Math.abs(down), Math.abs(right)) >= 3,
  (down: number, right: number) => down * down + right * right <= 20,
] as const;
export const shapes = ['plus', 'cross', 'box', 'disc'] as const;

export interface DarkPicture {
  /** [3, side, side] */
  readonly x: Float32Array;
  /** Index of its shape. */
  readonly label: number;
}

/** Brightness [side, side] of a shape with its middle at `row` and `column`. */
export function scene(label: number, row: number, column: number): Float64Array {
  return Float64Array.from({ length: side * side }, (_, at) => {
    const [down, right] = [Math.floor(at / side) - row, (at % side) - column];
    const inside = Math.abs(down) <= reach && Math.abs(right) <= reach;
    return inside && covers[label]?.(down, right) ? bright : ground;
  });
}

/** A Poisson number: by products of uniform numbers (Knuth) up to a mean of 30, beyond by the normal number of the same mean and variance. */
export function poisson(mean: number, source: Pick<Random, 'uniform' | 'normal'>): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * source.normal()));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = source.uniform(); product > limit; product *= source.uniform()) count++;
  return count;
}

export function drawDark(label: number, gain: number, source: Random): DarkPicture {
  const place = (): number => reach + source.whole(side - 2 * reach);
  const brightness = scene(label, place(), place());
  const x = Float32Array.from({ length: 3 * side * side }, (_, at) => {
    return poisson(gain * photons * (brightness[at % (side * side)] ?? 0), source) / photons;
  });
  return { x, label };
}
