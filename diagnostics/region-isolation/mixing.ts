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

/** Of a table [s][s' and the rest]: the mean over s of what goes to other regions. */
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

/** Kullback-Leibler divergence in nats of the distribution of `after` from that of `before`, both as logits. */
export function divergenceOf(before: ArrayLike<number>, after: ArrayLike<number>): number {
  const [p, q] = [logProbabilities(before), logProbabilities(after)];
  // A sum of differences that are 0 is 0; rounding may leave it a hair below.
  return Math.max(
    0,
    p.reduce((sum, log, at) => sum + Math.exp(log) * (log - (q[at] ?? 0)), 0),
  );
}

export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(logits);
  const most = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = most + Math.log(all.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return all.map((value) => value - total);
}

/** 1 - cosine of each row of two [n, w]. */
export function turnedBy(before: Float32Array, after: Float32Array, n: number): readonly number[] {
  const width = before.length / n;
  return Array.from({ length: n }, (_, row) => {
    let [dot, a, b] = [0, 0, 0];
    for (let at = row * width; at < (row + 1) * width; at++) {
      const [x, y] = [before[at] ?? 0, after[at] ?? 0];
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    return Math.max(0, 1 - dot / Math.sqrt(a * b));
  });
}
