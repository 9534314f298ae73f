/** How far two groups of numbers lie apart: histograms of the same bins. */

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
