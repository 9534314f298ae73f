import { mean } from 'simple-statistics';
import { quantile } from '../../../diagnostics/shared/statistics/quantile';

/**
 * Mean of the values from the first to the third quartile: CAB's time of a kernel (arXiv:2210.07661, its repository's
 * efficiency-length script).
 *
 * The script sets the values outside the quartiles to zero and divides by the number of those that are not: a true zero would
 * not be counted. Decided here: values equal to a quartile count, quartiles are interpolated linearly (the script's own, numpy's
 * default), and each value that is kept counts, a zero too. Times are never zero, so that the two agree on them. Of two
 * values none is between the quartiles (the script divides by zero there): both count.
 */
export function interquartileMean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a mean needs a value');
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
  const kept = sorted.filter((value) => value >= low && value <= high);
  return mean(kept.length === 0 ? sorted : kept);
}
