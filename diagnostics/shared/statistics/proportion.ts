/** 95 % intervals of a share and of a mean, of independent units. */
import { figure, object, number } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import { studentReach } from './student';

export const interval = object({ low: number, high: number });
export type Interval = Output<typeof interval>;

/** As a result holds it: a mean with Student's interval, or a share with Wilson's, each of 95 %. */
export const measuredMean = object({ mean: figure, low: figure, high: figure });
export type MeasuredMean = Output<typeof measuredMean>;

/** 97.5 % quantile of the normal distribution. */
export const z975 = 1.959963984540054;

/**
 * The interval of a share of n units: Wilson's score interval (Journal of the American Statistical Association 22, 1927,
 * 209-212).
 */
export function wilson(share: number, n: number): Interval {
  const centre = share + z975 ** 2 / (2 * n);
  const spread = z975 * Math.sqrt((share * (1 - share)) / n + z975 ** 2 / (4 * n ** 2));
  const scale = 1 + z975 ** 2 / n;
  // At the ends centre and spread are equal but for rounding.
  const low = share === 0 ? 0 : Math.max(0, (centre - spread) / scale);
  return { low, high: share === 1 ? 1 : Math.min(1, (centre + spread) / scale) };
}

/**
 * Mean of n values with the interval of Student's t at n - 1 degrees of freedom; NaN for a single one. `share`: how often it
 * covers the mean; `family` intervals that are looked at together are each wider, so that all of them cover at once (Bonferroni).
 * `range`: what the values can be, where that is bounded; the interval ends there.
 */
export function meanInterval(
  values: readonly number[],
  {
    share = 0.95,
    family = 1,
    range: [least, most] = [-Infinity, Infinity],
  }: { readonly share?: number; readonly family?: number; readonly range?: readonly [number, number] } = {},
): Interval & { readonly mean: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, low: Number.NaN, high: Number.NaN };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const reach = studentReach(1 - (1 - share) / family, n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { mean, low: Math.max(least, mean - reach), high: Math.min(most, mean + reach) };
}
