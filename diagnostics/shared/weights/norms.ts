/** Norms of stored weights on the host, in float64. */
import type { NormWeights } from '../../model-runner/weights';

/** What a norm divides by: the root of the mean square of x, of a LayerNorm less its mean, and of epsilon. */
export function scaleOf({ kind, epsilon }: NormWeights, x: ArrayLike<number>): number {
  const mean = meanOf(kind, x);
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += ((x[i] ?? 0) - mean) ** 2;
  return Math.sqrt(squares / x.length + epsilon);
}

/**
 * What a part of a vector becomes behind the norm, whose scale is that of the whole vector (`scaleOf`): parts that sum to it
 * give outputs that sum to the norm's output less its bias. Without a norm the part itself.
 */
export function frozen(norm: NormWeights | undefined, part: ArrayLike<number>, scale: number): Float64Array {
  if (!norm) return Float64Array.from(part);
  const mean = meanOf(norm.kind, part);
  return Float64Array.from(part, (value, i) => ((value - mean) / scale) * (norm.gain[i] ?? 0));
}

/** The norm itself. */
export function normed(norm: NormWeights | undefined, x: ArrayLike<number>): Float64Array {
  if (!norm) return Float64Array.from(x);
  const out = frozen(norm, x, scaleOf(norm, x));
  return norm.bias ? out.map((value, i) => value + (norm.bias?.[i] ?? 0)) : out;
}

function meanOf(kind: NormWeights['kind'], x: ArrayLike<number>): number {
  if (kind === 'rms') return 0;
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] ?? 0;
  return sum / x.length;
}
