/**
 * The slopes of h heads: 2^(-8 k / h) for k = 1..h when h is a power of two; otherwise those of the power of two below it,
 * then every second slope of the next power of two until there are h.
 */
export function alibiSlopes(heads: number): readonly number[] {
  const geometric = (count: number) => Array.from({ length: count }, (_, k) => 2 ** ((-8 * (k + 1)) / count));
  const below = 2 ** Math.floor(Math.log2(heads));
  const between = geometric(2 * below).filter((_, k) => k % 2 === 0);
  return [...geometric(below), ...between.slice(0, heads - below)];
}
