/**
 * Ranks of the latents of X-EcoMLA (arXiv:2503.11132), fixed, by energy or by the size of the cache. A latent of rank r with d_r
 * rotary numbers takes r + d_r numbers a token and layer, where G key/value heads of width d take 2 G d; the rank of the queries
 * is not cached.
 */

/** Numbers that one layer caches for a token before. */
export interface CachedHeads {
  readonly kvHeads: number;
  readonly headDim: number;
}

/** (r + d_r) / (2 G d). */
export const cacheShare = ({ kvHeads, headDim }: CachedHeads, rank: number, rotary: number): number =>
  (rank + rotary) / (2 * kvHeads * headDim);

/** The largest rank of at least 1 whose cache takes no more than `share` of the one before; 1 where none does. */
export const rankOfShare = ({ kvHeads, headDim }: CachedHeads, share: number, rotary: number): number =>
  // A product such as 0.1 · 30 rounds to a hair below the whole number that it means.
  Math.max(1, Math.floor(share * 2 * kvHeads * headDim + 1e-9) - rotary);

/** sigma^2 over the sum of all, added up from the largest on. */
function energyShares(singular: readonly number[]): readonly number[] {
  const sums: number[] = [];
  let sum = 0;
  for (const value of singular) sums.push((sum += value * value));
  // The last share is 1 without rounding.
  return sums.map((each) => (sum === 0 ? 1 : each / sum));
}

/**
 * As the release counts (`compute_svd` of hybrid_mla_layer.py): how many leading shares of the energy are at most `energy`, so
 * that the component which crosses it is left out; at least 1; rounded up to a multiple. No more than there are values.
 */
export function rankOfEnergy(singular: readonly number[], energy: number, multiple = 8): number {
  const counted = energyShares(singular).filter((share) => share <= energy).length;
  return Math.min(singular.length, Math.ceil(Math.max(1, counted) / multiple) * multiple);
}

/** sqrt of the energy that a rank drops over all: the relative error of the best matrix of that rank (Eckart and Young 1936). */
export function droppedShare(singular: readonly number[], rank: number): number {
  const square = (sum: number, value: number): number => sum + value * value;
  const all = singular.reduce(square, 0);
  return all === 0 ? 0 : Math.sqrt(singular.slice(rank).reduce(square, 0) / all);
}
