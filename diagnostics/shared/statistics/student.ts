/**
 * Quantiles of Student's t. For whole degrees of freedom v the probability within t is a finite sum (Abramowitz and
 * Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4), which is inverted by halving. A package for it
 * (@stdlib/stats-base-dists-t-quantile) would bring 68 others.
 */

/** Half a 95 % interval in standard errors, for 1 to infinitely many degrees of freedom; 12.706 for 1. */
export const student975 = (freedom: number): number => studentReach(0.95, freedom);

const known = new Map<string, number>();

/** The t with P(|T| <= t) = `share`: half the width of a two-sided interval in standard errors. */
export function studentReach(share: number, freedom: number): number {
  if (!(freedom >= 1)) throw new RangeError(`Student's t has no ${freedom} degrees of freedom`);
  const key = `${share} ${freedom}`;
  let reach = known.get(key);
  if (reach === undefined) {
    let [low, high] = [0, 1];
    while (within(high, Math.floor(freedom)) < share) high *= 2;
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2;
      if (within(middle, Math.floor(freedom)) < share) low = middle;
      else high = middle;
    }
    reach = (low + high) / 2;
    // Thousands of intervals of one analysis have the same few sizes.
    if (known.size > 1000) known.clear();
    known.set(key, reach);
  }
  return reach;
}

/** Probability that |T| is at most `t`. */
function within(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = odd && freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
