/**
 * How far a map is one kernel that is moved to every query: what a spectral gate computes (SpectFormer, arXiv:2304.06446). Pairs of a
 * query and a key fall into classes by their distance; the best such matrix in the Frobenius norm has the mean of each class in all of
 * its places. On a line with wrap-around it is circulant, on a grid with wrap-around block circulant with circulant blocks; without
 * wrap-around it is Toeplitz, in blocks on a grid.
 */

/** Places of queries and keys, and the class of a pair by its distance; -1 where the query does not read the key. */
export interface Distances {
  /** Rows of the map that take part, as queries and as keys. */
  readonly rows: readonly number[];
  /** Class of the i-th and j-th of `rows`. */
  readonly classOf: (i: number, j: number) => number;
  readonly classes: number;
}

export interface Fit {
  /** |A - C| / |A|, Frobenius norms over the pairs. */
  readonly residual: number;
  /** 1 - |A - C|^2 / |A - mean|^2: of what an even map leaves, the share that distance explains; NaN of an even map. */
  readonly explained: number;
  /** By class: the mean of A; NaN of an empty one. */
  readonly kernel: readonly number[];
}

/** `map` [n, n]. */
export function fitOf(map: ArrayLike<number>, n: number, { rows, classOf, classes }: Distances): Fit {
  const [sums, counts] = [new Float64Array(classes), new Float64Array(classes)];
  let [square, total, pairs] = [0, 0, 0];
  const each = (act: (value: number, group: number) => void): void =>
    rows.forEach((query, i) =>
      rows.forEach((key, j) => {
        const group = classOf(i, j);
        if (group >= 0) act(map[query * n + key] ?? 0, group);
      }),
    );
  each((value, group) => {
    sums[group] = (sums[group] ?? 0) + value;
    counts[group] = (counts[group] ?? 0) + 1;
    square += value * value;
    total += value;
    pairs += 1;
  });
  const kernel = Array.from(sums, (sum, group) => sum / (counts[group] ?? 0));
  const mean = total / pairs;
  let [missed, spread] = [0, 0];
  each((value, group) => {
    missed += (value - (kernel[group] ?? 0)) ** 2;
    spread += (value - mean) ** 2;
  });
  return {
    residual: Math.sqrt(missed / square),
    // Rounding of float32 leaves an even map a hair of spread.
    explained: spread <= 1e-12 * square ? Number.NaN : Math.max(0, 1 - missed / spread),
    kernel,
  };
}

/** Rows down by columns across, around the edges: classes are (rows down, columns across) from the query, [height x width]. */
export const torus = (rows: readonly number[], height: number, width: number): Distances => ({
  rows,
  classes: height * width,
  classOf(i, j) {
    const down = (Math.floor(j / width) - Math.floor(i / width) + height) % height;
    return down * width + (((j % width) - (i % width) + width) % width);
  },
});

/** The same without going around: (2 height - 1) x (2 width - 1) classes, distance 0 in the middle. */
export const grid = (rows: readonly number[], height: number, width: number): Distances => ({
  rows,
  classes: (2 * height - 1) * (2 * width - 1),
  classOf(i, j) {
    const down = Math.floor(j / width) - Math.floor(i / width) + height - 1;
    const across = (j % width) - (i % width) + width - 1;
    return down * (2 * width - 1) + across;
  },
});

/** Keys before the query by their distance from it, as far as it reads. */
export const back = (length: number, reads: (row: number) => readonly [from: number, to: number]): Distances => ({
  rows: Array.from({ length }, (_, at) => at),
  classes: length,
  classOf(i, j) {
    const [from, to] = reads(i);
    return j >= from && j < to && j <= i ? i - j : -1;
  },
});
