/**
 * Targets that do not depend on the order of the keys (arXiv:2307.11353, simulations). x_0 is the query, x_1 .. x_N are the keys, all
 * uniform on the unit sphere of d dimensions, and b is a random unit vector:
 *
 *     T1_p = (1/N) sum_i <b, x_i>^p                   a property of the keys
 *     T2_p = (1/N) sum_i <x_0, x_i>^p <b, x_i>        how the keys correlate with the query
 *     mixed = cos(t) T1_p / deviation(T1_p) + sin(t) T2_q / deviation(T2_q)
 *
 * Deviations are exact. With m_k = E <b, x>^k, that is 1 * 3 * .. * (k - 1) / (d (d + 2) .. (d + k - 2)) for even k and 0 for odd k:
 *
 *     E T1_p = m_p             var T1_p = (m_2p - m_p^2) / N
 *     E T2_p = 0               var T2_p = (m_2p / d + (N - 1) m_(p+1)^2 / d) / N
 */
import type { Random } from '../../../kernels/tensors/random';

export interface Sizes {
  /** d, the dimension of a point. */
  readonly dimension: number;
  /** N. */
  readonly keys: number;
}

/** Examples: `points` [count, N + 1, d], the query first. */
export interface Examples extends Sizes {
  readonly count: number;
  readonly points: Float64Array;
}

export const targetNames = ['T1', 'T2', 'mixed'] as const;
export type TargetName = (typeof targetNames)[number];

export interface Degrees {
  /** p of T1. */
  readonly first: number;
  /** p of T2. */
  readonly second: number;
  /** t of the mixed target, radians. */
  readonly angle: number;
}

/** Uniform on the unit sphere. */
export function unitVector(dimension: number, source: Random): Float64Array {
  for (;;) {
    const x = Float64Array.from({ length: dimension }, () => source.normal());
    const norm = Math.hypot(...x);
    if (norm > 0) return x.map((each) => each / norm);
  }
}

export function drawnExamples({ dimension, keys }: Sizes, count: number, source: Random): Examples {
  const points = new Float64Array(count * (keys + 1) * dimension);
  for (let at = 0; at < points.length; at += dimension) points.set(unitVector(dimension, source), at);
  return { dimension, keys, count, points };
}

/** m_k: mean of <b, x>^k over the sphere of d dimensions. */
export function moment(power: number, dimension: number): number {
  if (power % 2 === 1) return 0;
  let value = 1;
  for (let j = 0; j < power; j += 2) value *= (j + 1) / (dimension + j);
  return value;
}

/** Mean and variance of the targets over all examples. */
export function momentsOf(
  { dimension: d, keys }: Sizes,
  { first, second, angle }: Degrees,
): Readonly<Record<TargetName, { readonly mean: number; readonly variance: number }>> {
  const mean = moment(first, d);
  const variance = (moment(2 * first, d) - mean ** 2) / keys;
  const correlated = (moment(2 * second, d) + (keys - 1) * moment(second + 1, d) ** 2) / (d * keys);
  return {
    T1: { mean, variance },
    T2: { mean: 0, variance: correlated },
    // Given the keys, the mean of T2 is m_q (1/N) sum <b, x_i>: its covariance with T1 is m_q m_(p+1) / N, 0 but for odd p and even q.
    mixed: {
      mean: (Math.cos(angle) * mean) / Math.sqrt(variance),
      variance:
        1 + (Math.sin(2 * angle) * moment(second, d) * moment(first + 1, d)) / keys / Math.sqrt(variance * correlated),
    },
  };
}

/** [count] of each target. */
export function targetValues(
  { count, dimension, keys, points }: Examples,
  direction: Float64Array,
  degrees: Degrees,
): Readonly<Record<TargetName, Float64Array>> {
  const { first, second, angle } = degrees;
  const [T1, T2] = [new Float64Array(count), new Float64Array(count)];
  const width = (keys + 1) * dimension;
  for (let example = 0; example < count; example++) {
    const query = example * width;
    for (let key = 1; key <= keys; key++) {
      const from = query + key * dimension;
      let [along, together] = [0, 0];
      for (let c = 0; c < dimension; c++) {
        along += direction[c]! * points[from + c]!;
        together += points[query + c]! * points[from + c]!;
      }
      T1[example]! += along ** first / keys;
      T2[example]! += (together ** second * along) / keys;
    }
  }
  const moments = momentsOf({ dimension, keys }, degrees);
  const [a, b] = [Math.cos(angle) / Math.sqrt(moments.T1.variance), Math.sin(angle) / Math.sqrt(moments.T2.variance)];
  return { T1, T2, mixed: T1.map((value, example) => a * value + b * T2[example]!) };
}
