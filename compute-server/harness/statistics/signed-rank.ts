/**
 * The Wilcoxon signed-rank test of differences, with the estimate and the interval that belong to it (Hollander and Wolfe,
 * Nonparametric Statistical Methods, 1973, chapter 3: 3.1 test, 3.2 estimate, 3.3 interval).
 *
 * All three come from the Walsh averages (x_i + x_j) / 2, i <= j, of n differences, M = n (n + 1) / 2 of them. The statistic is
 * the number of averages that are positive; the estimate (Hodges and Lehmann) is their median; the interval are the C-th
 * smallest and the C-th largest, C as large as P(T < C) < 2.5 % allows under the null. Hence the interval leaves 0 out exactly
 * when p < 5 %. An average that is 0 counts for the side that is rarer, so that ties never make p smaller.
 */
export interface SignedRank {
  /** Hodges-Lehmann estimate of the median difference. */
  readonly estimate: number;
  /** 95 % interval; with fewer than `fewestPairs` differences the whole range, since no interval has 95 %. */
  readonly low: number;
  readonly high: number;
  /** Two-sided. */
  readonly p: number;
}

/** With fewer differences the smallest p is 2 / 2^5, above 5 %. */
export const fewestPairs = 6;

const tail = 0.025;
/** Up to so many differences the distribution is counted out, beyond it is taken as normal. */
const mostCounted = 50;

export function signedRank(differences: readonly number[]): SignedRank {
  const sorted = Float64Array.from(differences).sort();
  const n = sorted.length;
  const count = (n * (n + 1)) / 2;
  const notAbove = averagesUpTo(sorted, 0);
  const notBelow = averagesUpTo(sorted.map((value) => -value).reverse(), 0);
  const rank = Math.max(1, rankOfInterval(n));
  return {
    estimate: (walsh(sorted, Math.floor((count + 1) / 2)) + walsh(sorted, Math.floor(count / 2) + 1)) / 2,
    low: walsh(sorted, rank),
    high: walsh(sorted, count + 1 - rank),
    p: Math.min(1, 2 * lowerTail(Math.min(notAbove, notBelow), n)),
  };
}

/** How many Walsh averages of ascending values are at most `bound`. */
function averagesUpTo(sorted: Float64Array, bound: number): number {
  let found = 0;
  let last = sorted.length - 1;
  for (let first = 0; first <= last; first++) {
    while (last >= first && sorted[first]! + sorted[last]! > 2 * bound) last--;
    found += last - first + 1;
  }
  return found;
}

/** The Walsh average of rank `rank` (from 1), by bisection: a thousand values have half a million averages. */
function walsh(sorted: Float64Array, rank: number): number {
  let [low, high] = [sorted[0]!, sorted.at(-1)!];
  if (averagesUpTo(sorted, low) >= rank) return low;
  // `low` has fewer averages up to it than `rank`, `high` has enough; they meet at neighbouring numbers.
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    if (averagesUpTo(sorted, middle) >= rank) high = middle;
    else low = middle;
  }
}

/** The largest C with P(T < C) < 2.5 %; 0 when there is none. */
function rankOfInterval(n: number): number {
  // From a rank that is certainly too large; the counted distribution differs by up to one rank from the normal one.
  let rank = Math.floor(mean(n) - (n > mostCounted ? 1.95 : 1.5) * deviation(n)) + 1;
  while (rank > 0 && lowerTail(rank - 1, n) >= tail) rank--;
  return Math.max(0, rank);
}

const mean = (n: number): number => (n * (n + 1)) / 4;
const deviation = (n: number): number => Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24);

/** P(T <= t) under the null, t whole. */
function lowerTail(t: number, n: number): number {
  if (n > mostCounted) return normalBelow((t + 0.5 - mean(n)) / deviation(n));
  const ways = waysOf(n);
  let below = 0;
  for (let value = 0; value <= Math.min(t, ways.length - 1); value++) below += ways[value]!;
  return below / 2 ** n;
}

const counted = new Map<number, Float64Array>();

/** In how many of the 2^n assignments of signs the ranks of one sign add up to 0, 1, 2, … */
function waysOf(n: number): Float64Array {
  const known = counted.get(n);
  if (known) return known;
  const ways = new Float64Array((n * (n + 1)) / 2 + 1);
  ways[0] = 1;
  for (let rank = 1; rank <= n; rank++) {
    for (let sum = (rank * (rank + 1)) / 2; sum >= rank; sum--) ways[sum]! += ways[sum - rank]!;
  }
  counted.set(n, ways);
  return ways;
}

/** Normal distribution function: Zelen and Severo's approximation, off by less than 7.5e-8 (Abramowitz and Stegun 26.2.17). */
function normalBelow(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = ((((1.330274429 * t - 1.821255978) * t + 1.781477937) * t - 0.356563782) * t + 0.31938153) * t;
  const upper = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x < 0 ? upper : 1 - upper;
}
