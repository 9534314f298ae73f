/** How far two groups of numbers lie apart: histograms of the same bins, and the area under the ROC curve. */

export interface SharedHistogram {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly (readonly number[])[];
}

/** Counts of each group in `bins` equal steps from the smallest value of all to the largest; the last step holds its end. */
export function sharedHistogram(groups: readonly (readonly number[])[], bins: number): SharedHistogram {
  const all = groups.flat();
  const from = all.length === 0 ? 0 : all.reduce((a, b) => Math.min(a, b));
  const to = all.length === 0 ? 0 : all.reduce((a, b) => Math.max(a, b));
  const counts = groups.map((values) => {
    const row = Array<number>(bins).fill(0);
    for (const value of values) {
      const bin = to === from ? 0 : Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins));
      row[bin] = (row[bin] ?? 0) + 1;
    }
    return row;
  });
  return { from, to, counts };
}

/**
 * Chance that a number drawn from `low` lies below one drawn from `high`, ties counted half (the area under the ROC curve,
 * Mann-Whitney U over the number of pairs). Undefined when a group is empty.
 */
export function areaBelow(low: readonly number[], high: readonly number[]): number | undefined {
  if (low.length === 0 || high.length === 0) return undefined;
  const all = [...low.map((value) => ({ value, low: true })), ...high.map((value) => ({ value, low: false }))];
  all.sort((a, b) => a.value - b.value);
  let sum = 0;
  let below = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end++;
    const tied = all.slice(start, end);
    const lows = tied.filter((each) => each.low).length;
    sum += (tied.length - lows) * (below + lows / 2);
    below += lows;
    start = end;
  }
  return sum / (low.length * high.length);
}
