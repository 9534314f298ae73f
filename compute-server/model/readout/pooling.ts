/**
 * How the rows of a text become one vector: the modes of sentence-transformers' Pooling, side by side in its order where there are
 * several (Reimers and Gurevych, arXiv:1908.10084, section 3; the class of its release 5.1).
 */

export const poolingModes = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'] as const;
export type PoolingMode = (typeof poolingModes)[number];

export const poolingWords: Readonly<Record<PoolingMode, string>> = {
  cls: 'the first token',
  max: 'the largest of each number over the tokens',
  mean: 'mean of the tokens',
  mean_sqrt_len_tokens: 'sum of the tokens over the root of their number',
  weightedmean: 'mean of the tokens, weighted by their position',
  lasttoken: 'the last token',
};

/** How much of each row is in the vector, where the mode is a sum of rows. */
function weightsOf(mode: Exclude<PoolingMode, 'max'>, n: number): Float64Array {
  const of = (weight: (row: number) => number): Float64Array =>
    Float64Array.from({ length: n }, (_, row) => weight(row));
  switch (mode) {
    case 'cls':
      return of((row) => (row === 0 ? 1 : 0));
    case 'lasttoken':
      return of((row) => (row === n - 1 ? 1 : 0));
    case 'mean':
      return of(() => 1 / n);
    case 'mean_sqrt_len_tokens':
      return of(() => 1 / Math.sqrt(n));
    case 'weightedmean':
      return of((row) => (2 * (row + 1)) / (n * (n + 1)));
  }
}

/** Row with the largest number, by column; the first of equal ones. */
const largestRows = (rows: readonly Float64Array[]): readonly number[] =>
  Array.from(rows[0] ?? [], (_, i) =>
    rows.reduce((best, row, at) => ((row[i] ?? 0) > (rows[best]?.[i] ?? 0) ? at : best), 0),
  );

export function pooled(rows: readonly Float64Array[], modes: readonly PoolingMode[]): Float64Array {
  const width = rows[0]?.length ?? 0;
  const parts = modes.map((mode): Float64Array => {
    if (mode === 'max') return Float64Array.from(largestRows(rows), (row, i) => rows[row]?.[i] ?? 0);
    const weights = weightsOf(mode, rows.length);
    const sum = new Float64Array(width);
    rows.forEach((row, at) => row.forEach((value, i) => (sum[i]! += (weights[at] ?? 0) * value)));
    return sum;
  });
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** Gradients of the rows, of a number whose gradient with respect to the vector is `slope`. */
export function pooledSlopes(
  rows: readonly Float64Array[],
  modes: readonly PoolingMode[],
  slope: Float64Array,
): readonly Float64Array[] {
  const width = rows[0]?.length ?? 0;
  const back = rows.map(() => new Float64Array(width));
  modes.forEach((mode, part) => {
    const own = slope.subarray(part * width, (part + 1) * width);
    if (mode === 'max') {
      largestRows(rows).forEach((row, i) => (back[row]![i]! += own[i] ?? 0));
      return;
    }
    weightsOf(mode, rows.length).forEach((weight, at) => own.forEach((value, i) => (back[at]![i]! += weight * value)));
  });
  return back;
}
