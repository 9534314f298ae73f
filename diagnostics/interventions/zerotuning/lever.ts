/**
 * ZeroTuning's operator on one row of attention (arXiv 2505.11739, section 3): with a the row and a_0 the weight on the first
 * token, a'_0 = gamma a_0 / D and a'_i = a_i / D for the others, D = (gamma - 1) a_0 + 1. It is what ln gamma added to the score
 * of key 0 before softmax gives. Ratios among the other keys do not change.
 */

/** The score bias on key 0 that gives the operator. */
export const biasOf = (gamma: number): number => Math.log(gamma);

export const denominator = (firstWeight: number, gamma: number): number => (gamma - 1) * firstWeight + 1;

export const rescaled = (row: readonly number[], gamma: number): readonly number[] => {
  const d = denominator(row[0] ?? 0, gamma);
  return row.map((weight, key) => (key === 0 ? (gamma * weight) / d : weight / d));
};

/** By how much the gap of two other keys changes, as a share of the gap: E_ij / |a_i - a_j| = |gamma - 1| a_0 / D. */
export const lever = (firstWeight: number, gamma: number): number =>
  (Math.abs(gamma - 1) * firstWeight) / denominator(firstWeight, gamma);

/** Its derivative by a_0, never negative: the lever is longer the bigger the sink. */
export const leverSlope = (firstWeight: number, gamma: number): number =>
  Math.abs(gamma - 1) / denominator(firstWeight, gamma) ** 2;

/** In nats; 0 ln 0 is 0. */
export const entropyOf = (weights: readonly number[]): number =>
  weights.reduce((sum, weight) => (weight > 0 ? sum - weight * Math.log(weight) : sum), 0);
