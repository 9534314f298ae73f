/**
 * Seeded random numbers, the same on every machine. Uniform numbers come from SplitMix32 (a 32-bit counter of step
 * 0x9e3779b9 through a mixing function); normal numbers from the polar method of Marsaglia over 53-bit uniforms.
 */
import { tensor, sizeOf, type Tensor } from './tensor';

export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Mean 0, deviation 1. */
  normal(): number;
  /** A whole number in [0, below). */
  whole(below: number): number;
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  let spare: number | undefined;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const uniform = (): number => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  return {
    uniform,
    whole: (below) => Math.floor(uniform() * below),
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const x = 2 * uniform() - 1;
        const y = 2 * uniform() - 1;
        const square = x * x + y * y;
        if (square > 0 && square < 1) {
          const factor = Math.sqrt((-2 * Math.log(square)) / square);
          spare = y * factor;
          return x * factor;
        }
      }
    },
  };
}

/** Mixes a label into a seed, so that query, key and each weight draw from streams of their own. */
export function seedFor(seed: number, label: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Normal numbers of mean 0, each rounded to float32 so that reference and runtime read the same input. */
export function normalTensor(shape: readonly number[], seed: number, deviation = 1): Tensor {
  const source = random(seed);
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(deviation * source.normal());
  return tensor(shape, data);
}
