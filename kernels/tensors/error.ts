/** How far a tensor is from its reference. */
import type { Tensor } from './tensor';

export interface ErrorMeasure {
  /** Largest |actual - expected| over the numbers that are finite or infinite in both; equal infinities differ by 0. */
  readonly maxAbsolute: number;
  /** maxAbsolute / largest finite |expected| (or / 1 when the reference is all zeros). */
  readonly maxRelative: number;
  /** Positions where exactly one of the two is NaN: any such position is a failure. */
  readonly nanMismatches: number;
  /** Flat index of the largest difference, or of the first NaN mismatch. */
  readonly worst: number;
}

export function measureError(actual: Tensor, expected: Tensor): ErrorMeasure {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new RangeError(`shape [${actual.shape.join(', ')}] is compared with [${expected.shape.join(', ')}]`);
  }
  let maxAbsolute = 0;
  let scale = 0;
  let nanMismatches = 0;
  let worst = -1;
  for (let i = 0; i < expected.data.length; i++) {
    const a = actual.data[i] ?? Number.NaN;
    const e = expected.data[i] ?? Number.NaN;
    if (Number.isNaN(a) || Number.isNaN(e)) {
      if (Number.isNaN(a) !== Number.isNaN(e)) {
        if (nanMismatches === 0) worst = i;
        nanMismatches++;
      }
      continue;
    }
    const difference = a === e ? 0 : Math.abs(a - e);
    if (Number.isFinite(e)) scale = Math.max(scale, Math.abs(e));
    if (difference > maxAbsolute) {
      maxAbsolute = difference;
      if (nanMismatches === 0) worst = i;
    }
  }
  return { maxAbsolute, maxRelative: maxAbsolute / (scale || 1), nanMismatches, worst };
}
