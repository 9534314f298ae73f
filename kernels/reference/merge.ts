/** Attention over a part of the keys, and how such parts make the whole. */

/** What one query got from a part of the keys. */
export interface PartialAttention {
  /** Softmax-weighted values over the part; any finite numbers when the part holds no key that it may read. */
  readonly output: ArrayLike<number>;
  /** Logarithm of the sum of the exponentials of its scores; -Infinity when it may read none. */
  readonly logSum: number;
}

/**
 * The attention over the union of disjoint parts: sum over p of w_p o_p with w = softmax(log-sums); a part without keys weighs
 * nothing. Zeros when all are such.
 */
export function mergePartials(parts: readonly PartialAttention[], width: number): Float64Array {
  const merged = new Float64Array(width);
  const highest = parts.reduce((most, { logSum }) => Math.max(most, logSum), -Infinity);
  if (highest === -Infinity) return merged;
  const total = parts.reduce((sum, { logSum }) => sum + Math.exp(logSum - highest), 0);
  for (const { output, logSum } of parts) {
    const weight = Math.exp(logSum - highest) / total;
    if (weight === 0) continue;
    for (let x = 0; x < width; x++) merged[x]! += weight * output[x]!;
  }
  return merged;
}
