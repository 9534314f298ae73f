import type { Ratio } from '../schema/parts';

/**
 * Two kernels whose medians lie closer than this count as equal: the same kernel opened twice differs by up to about
 * this much on one machine (where its memory came to lie), and a rank test over many pairs would find that.
 */
export const resolution = 0.02;
/** Most p of the rank test at which a difference is called one. */
export const significance = 0.05;

/**
 * What may be said of a ratio: `faster` than the baseline, `slower`, or `same` when the data do not decide: when the interval of
 * the ratio holds 1 (p and interval are of one test), or the ratio lies within the resolution.
 */
export function verdict(ratio: Ratio): 'faster' | 'slower' | 'same' {
  if (ratio.p >= significance) return 'same';
  if (ratio.median > 1 + resolution) return 'faster';
  return ratio.median < 1 / (1 + resolution) ? 'slower' : 'same';
}
