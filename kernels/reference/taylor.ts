/**
 * Softmax attention with the exponential cut after degree p: weights sum of s^j / j! for j = 0 .. p over their sum. Cut, the
 * kernel is a product of finite features (monomials of query and key), and the head a linear system with a finite state.
 */

/** C(width + degree, degree): monomials up to `degree` of `width` variables, the numbers of state for each channel. */
export function taylorStateSize(width: number, degree: number): number {
  let size = 1;
  for (let j = 1; j <= degree; j++) size = (size * (width + j)) / j;
  return Math.round(size);
}

/** The exponential series of `x` up to `degree`. */
export function cutExponential(x: number, degree: number): number {
  let [term, sum] = [1, 1];
  for (let j = 1; j <= degree; j++) {
    term *= x / j;
    sum += term;
  }
  return sum;
}

/**
 * Weights of one row of scores by the series up to an even `degree`, which is positive for every score. Scores are taken as they
 * are: the series is not invariant to a shift of the row.
 */
export function cutSoftmax(scores: readonly number[] | Float64Array, degree: number): Float64Array {
  const weights = Float64Array.from(scores, (score) => cutExponential(score, degree));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
