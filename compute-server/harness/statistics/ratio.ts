import wilcoxon from '@stdlib/stats-wilcoxon';
import { quantileSorted } from 'simple-statistics';
import type { Ratio } from '../../../protocol/results/benchmark';

/**
 * baseline time / mechanism time, pair by pair: both times of a pair come from the same round, so that whatever slowed the
 * machine in that round slowed both. The p is of the two-sided Wilcoxon signed-rank test over the logarithms of the ratios
 * (symmetric in the two kernels); the interval is the 95 % order-statistic interval of the median.
 */
export function ratioOfPairs(baseline: readonly number[], mechanism: readonly number[]): Ratio {
  if (baseline.length !== mechanism.length || baseline.length === 0) {
    throw new RangeError(`pairs are needed: ${baseline.length} baseline and ${mechanism.length} mechanism times`);
  }
  const ratios = baseline.map((time, index) => time / mechanism[index]!).sort((a, b) => a - b);
  const [low, high] = medianInterval(ratios);
  return { median: quantileSorted(ratios, 0.5), low, high, p: signedRankP(ratios.map(Math.log)) };
}

function signedRankP(differences: readonly number[]): number {
  const nonZero = differences.filter((difference) => difference !== 0);
  // Nothing to rank, or (n = 1) both outcomes equally extreme.
  return nonZero.length < 2 ? 1 : wilcoxon([...nonZero]).pValue;
}

/**
 * The narrowest pair of order statistics that covers the median with at least 95 %; with fewer than six values no pair does
 * and the whole range is returned.
 */
export function medianInterval(sorted: readonly number[]): readonly [number, number] {
  const n = sorted.length;
  // Values below the median are binomial (n, 1/2): rank k from each end fails with 2 P(X < k).
  let rank = 0;
  let probability = 0.5 ** n;
  let below = probability;
  // 2^-n underflows beyond n = 1074; the normal approximation is exact enough long before.
  if (n > 1000) rank = Math.floor((n + 1) / 2 - 1.96 * Math.sqrt(n / 4));
  else {
    while (2 * below <= 0.05) {
      rank++;
      probability *= (n - rank + 1) / rank;
      below += probability;
    }
  }
  const from = Math.max(1, rank) - 1;
  return [sorted[from]!, sorted[n - 1 - from]!];
}
