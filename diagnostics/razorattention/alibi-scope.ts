/**
 * How far a head of an ALiBi model can see (RazorAttention, arXiv 2407.15891, theorem on the scope): scores are
 * q·k / sqrt(d) - l (m - n) with the slope l of the head. With |q·k| / sqrt(d) <= M for all pairs, a key m - n back has at most the
 * weight exp(2 M - l (m - n)) of the query's own key, so that beyond
 *
 *     L = (2 M - ln eps) / l
 *
 * no key has a weight above eps. Our choice: M holds the factor 1 / sqrt(d), and is measured or bounded from weights.
 */
export const alibiScope = (slope: number, bound: number, epsilon: number): number =>
  (2 * bound - Math.log(epsilon)) / slope;
