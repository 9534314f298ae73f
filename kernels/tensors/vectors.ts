/** Sums over vectors of numbers, in float64. */

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};

/** The cosine of the angle between two vectors; NaN where one of them is 0. */
export const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  dot(a, b) / Math.sqrt(dot(a, a)) / Math.sqrt(dot(b, b));

export const sum = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0;
  return total;
};

/** NaN where there are no values. */
export const mean = (values: ArrayLike<number>): number => sum(values) / values.length;

/** exp(x_i) / sum_j exp(x_j), from the largest downwards so that nothing overflows. */
export function softmax(scores: ArrayLike<number>): number[] {
  const values = Array.from(scores);
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = sum(powers);
  return powers.map((value) => value / total);
}
