import { quantileSorted, standardDeviation } from 'simple-statistics';

export interface Summary {
  readonly median: number;
  /** First and third quartile. */
  readonly quartiles: readonly [number, number];
  /** Standard deviation of the samples over their median. */
  readonly relativeSd: number;
  /** Standard error of the median over the median; Infinity with fewer than two samples. */
  readonly relativeError: number;
}

/** Median and spread: neither is moved by a few samples that the operating system disturbed. */
export function summary(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const median = quantileSorted(sorted, 0.5);
  return {
    median,
    quartiles: [quantileSorted(sorted, 0.25), quantileSorted(sorted, 0.75)],
    relativeSd: standardDeviation(sorted) / median,
    relativeError: standardErrorOfMedian(sorted) / median,
  };
}

/**
 * McKean and Schrader's estimate: the half width of the 99 % order-statistic interval of the median over its normal
 * quantile. It assumes no distribution, so that a long right tail of timings does not inflate it.
 */
function standardErrorOfMedian(sorted: readonly number[]): number {
  const n = sorted.length;
  if (n < 2) return Infinity;
  const z = 2.5758;
  const rank = Math.max(1, Math.round((n + 1) / 2 - z * Math.sqrt(n / 4)));
  return (sorted[n - rank]! - sorted[rank - 1]!) / (2 * z);
}
