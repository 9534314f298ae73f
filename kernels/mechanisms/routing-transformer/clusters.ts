/** Clusters of the Routing Transformer (arXiv:2003.05997): which positions belong together, and how centroids are learned. */

/** LN without gain and offset: every row has the length sqrt(d), so that the nearest centroid has the largest product. */
export function normalised(x: Float64Array, from: number, width: number): Float64Array {
  const row = x.slice(from, from + width);
  const mean = row.reduce((sum, each) => sum + each, 0) / width;
  const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / width;
  return row.map((each) => (each - mean) / Math.sqrt(variance + layerNormEpsilon));
}

export const layerNormEpsilon = 1e-5;

/** Products of rows with centroids, [rows][clusters]; a row that holds a NaN has no place on the sphere, and its products are 0. */
export const similarities = (
  rows: readonly Float64Array[],
  centroids: readonly Float64Array[],
): readonly (readonly number[])[] =>
  rows.map((row) =>
    centroids.map((centroid) => {
      const product = row.reduce((sum, x, at) => sum + x * centroid[at]!, 0);
      return Number.isNaN(product) ? 0 : product;
    }),
  );

/** The cluster of largest product; of equal ones the first. */
export const nearest = (scores: readonly (readonly number[])[]): readonly number[] =>
  scores.map((row) => row.reduce((best, score, at) => (score > row[best]! ? at : best), 0));

/** The `window` rows of largest product with each cluster, ascending; of equal ones the first. */
export const topWindow = (
  scores: readonly (readonly number[])[],
  clusters: number,
  window: number,
): readonly (readonly number[])[] =>
  Array.from({ length: clusters }, (_, c) =>
    scores
      .map((_row, at) => at)
      .sort((a, b) => (scores[a]![c]! === scores[b]![c]! ? a - b : scores[b]![c]! - scores[a]![c]!))
      .slice(0, window)
      .sort((a, b) => a - b),
  );

/** Rows of a step of online k-means. */
const batchRows = 1024;
/** The paper's 0.999 is for a training of many thousand steps. */
const fitDecay = 0.9;

/** `steps` steps of online k-means from `means` on, over the rows in turn, `batchRows` of them a step. */
export function fitCentroids(
  means: readonly Float64Array[],
  rows: readonly Float64Array[],
  steps: number,
): readonly Float64Array[] {
  let centroids: Centroids = { counts: new Float64Array(means.length).fill(1), sums: means, means };
  for (let step = 0; step < steps; step++) {
    const batch = Array.from(
      { length: Math.min(batchRows, rows.length) },
      (_, at) => rows[(step * batchRows + at) % rows.length]!,
    );
    ({ centroids } = updateCentroids(centroids, batch, fitDecay));
  }
  return centroids.means;
}

export interface Centroids {
  readonly counts: Float64Array;
  readonly sums: readonly Float64Array[];
  readonly means: readonly Float64Array[];
}

/**
 * One step of online k-means by exponential averages of decay D: count_c <- D count_c + (1 - D) #{i: a(i) = c}, m_c <- D m_c +
 * (1 - D) sum of x_i with a(i) = c, mean_c = m_c / ((count_c + 1e-5) / (N + C 1e-5) N) with N the sum of the counts; a(i) is
 * the nearest centroid. Gives the commitment loss before the step too: mean of ||x_i - mean_a(i)||^2.
 */
export function updateCentroids(
  { counts, sums, means }: Centroids,
  rows: readonly Float64Array[],
  decay: number,
): { readonly centroids: Centroids; readonly commitment: number } {
  const assigned = nearest(similarities(rows, means));
  const nextCounts = counts.map((count) => decay * count);
  const nextSums = sums.map((sum) => sum.map((x) => decay * x));
  let commitment = 0;
  rows.forEach((row, i) => {
    const c = assigned[i]!;
    nextCounts[c]! += 1 - decay;
    row.forEach((x, at) => {
      nextSums[c]![at]! += (1 - decay) * x;
      commitment += (x - means[c]![at]!) ** 2 / rows.length;
    });
  });
  const total = nextCounts.reduce((sum, count) => sum + count, 0);
  const smoothed = nextCounts.map((count) => ((count + 1e-5) / (total + nextCounts.length * 1e-5)) * total);
  return {
    centroids: {
      counts: nextCounts,
      sums: nextSums,
      means: nextSums.map((sum, c) => sum.map((x) => x / smoothed[c]!)),
    },
    commitment,
  };
}
