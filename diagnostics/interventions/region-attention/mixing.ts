/** How much tokens of one region read of another. */

/**
 * A_ij summed over i in s and j in s', divided by |s|, [s][s']: the attention of a token of region s on region s' ("internal
 * attraction" where the two are subjects of one picture, arXiv:2411.19261). The last column is what belongs to no region; rows add
 * up to 1. `map` [n, n].
 */
export function massBetween(
  map: ArrayLike<number>,
  n: number,
  regions: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const owner = new Array<number>(n).fill(regions.length);
  regions.forEach((rows, region) => rows.forEach((row) => (owner[row] = region)));
  return regions.map((rows) => {
    const sums = new Array<number>(regions.length + 1).fill(0);
    for (const row of rows) {
      for (let key = 0; key < n; key++) {
        const to = owner[key] ?? regions.length;
        sums[to] = (sums[to] ?? 0) + (map[row * n + key] ?? 0);
      }
    }
    return sums.map((sum) => sum / rows.length);
  });
}

/** Mean over regions s of the attention to other regions, from a table [s][s' and the rest]. */
export function mixed(table: readonly (readonly number[])[]): number {
  const each = table.map((row, s) =>
    row.slice(0, table.length).reduce((sum, value, to) => (to === s ? sum : sum + value), 0),
  );
  return each.reduce((sum, value) => sum + value, 0) / each.length;
}

/** The same for a head that reads the keys [from, to) of each row alike. */
export function mixedByChance(
  reads: (row: number) => readonly [from: number, to: number],
  regions: readonly (readonly number[])[],
): number {
  const shares = regions.map((rows, s) => {
    const others = regions.flatMap((other, to) => (to === s ? [] : other));
    const sum = rows.reduce((total, row) => {
      const [from, to] = reads(row);
      return total + others.filter((key) => key >= from && key < to).length / (to - from);
    }, 0);
    return sum / rows.length;
  });
  return shares.reduce((sum, value) => sum + value, 0) / shares.length;
}

/** Attention of a token of each region on each key, mean over its tokens: [regions][n]. `map` [n, n]. */
export const readBy = (
  map: ArrayLike<number>,
  n: number,
  regions: readonly (readonly number[])[],
): readonly (readonly number[])[] =>
  regions.map((rows) => {
    const sums = new Array<number>(n).fill(0);
    for (const row of rows) for (let key = 0; key < n; key++) sums[key] = (sums[key] ?? 0) + (map[row * n + key] ?? 0);
    return sums.map((sum) => sum / rows.length);
  });

/** What a token of `rows` gives to all of `keys`, mean over the rows. */
export const massOn = (map: ArrayLike<number>, n: number, rows: readonly number[], keys: readonly number[]): number =>
  rows.reduce((sum, row) => sum + keys.reduce((all, key) => all + (map[row * n + key] ?? 0), 0), 0) / rows.length;
