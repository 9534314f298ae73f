/**
 * How far a right kernel may be from its float64 reference, by the rounding errors that it must make.
 *
 * Let u be the unit roundoff, d the head width, m the keys, s the largest score |q . k| / sqrt(d), v the largest |value|.
 * Rounding errors of a sum of d terms grow like sqrt(d) u (random walk; Higham & Mary, SIAM J. Sci. Comput. 41(5), 2019,
 * show that this holds with high probability, where the worst case d u never occurs). A score then errs by up to
 * (sqrt(d) + 2) u s, softmax turns an absolute error of a score into a relative error of a probability (twice: numerator and
 * normaliser), and the weighted sum of m values adds (sqrt(m) + 4) u v. Together
 *
 *     tolerance = u v (2 (sqrt(d) + 2) max(s, 1) + sqrt(m) + 4)
 *
 * For d = 64, m = 8192 and normal numbers that is 4e-5 in float32, where right kernels are seen to err by 3e-7 to 2e-6 and a
 * wrong block or mask by more than 1e-3.
 */
import type { AttentionInputs } from '../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../kernels/shape';
import type { Tensor } from '../../kernels/tensors/tensor';

const unitRoundoff: Readonly<Record<Precision, number>> = { float32: 2 ** -24, float16: 2 ** -11 };

export function toleranceOf(inputs: AttentionInputs, shape: AttentionShape, precision: Precision): number {
  const { headDim, keys } = shape;
  const score = largestScore(inputs, shape);
  const terms = 2 * (Math.sqrt(headDim) + 2) * Math.max(score, 1) + Math.sqrt(keys) + 4;
  return unitRoundoff[precision] * Math.max(largest(inputs.value), 1) * terms;
}

const largest = (x: Tensor): number => x.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Queries and keys looked at, evenly spread over all batches and heads. */
const sampled = 256;

/** Largest |q . k| / sqrt(d) over a grid of queries and keys: the extremes of more pairs grow only with their logarithm. */
function largestScore({ query, key }: AttentionInputs, { headDim }: AttentionShape): number {
  const rows = (x: Tensor) => {
    const count = x.data.length / headDim;
    const step = Math.max(1, Math.floor(count / sampled));
    return Array.from({ length: Math.min(sampled, count) }, (_, i) =>
      x.data.subarray(i * step * headDim, (i * step + 1) * headDim),
    );
  };
  const keys = rows(key);
  let most = 0;
  for (const q of rows(query)) {
    for (const k of keys) {
      let score = 0;
      for (let at = 0; at < headDim; at++) score += q[at]! * k[at]!;
      most = Math.max(most, Math.abs(score));
    }
  }
  return most / Math.sqrt(headDim);
}
