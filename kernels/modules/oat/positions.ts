/**
 * Position codes of OAT. A cell (row, column) and a flag f share one table W [R, w]: pe(r, c, f) is the first `width` numbers of
 * [W_r; W_c; W_f], w = ceil(width / 3). In a distance-matched table cos(W_i, W_j) is exp(-(i - j)^2 / (2 sigma^2)) for all rows.
 */
import { random } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';
import { mean } from '../../tensors/vectors';

export const codeChoices = ['distance-matched', 'sinusoidal', 'none'] as const;

/** The published width: a comment in the code calls it the best of those tried. */
export const publishedSigma = 2;

const gaussian = (i: number, j: number, sigma: number): number => Math.exp(-((i - j) ** 2) / (2 * sigma ** 2));

/** The matrix of cosines of the rows of a table, [R, R]. */
export function cosines({ shape, data }: Tensor): readonly (readonly number[])[] {
  const [rows, width] = shape as [number, number];
  const row = (i: number) => data.subarray(i * width, (i + 1) * width);
  const norms = Array.from({ length: rows }, (_, i) => Math.hypot(...row(i)));
  return norms.map((a, i) =>
    norms.map((b, j) => row(i).reduce((sum, value, at) => sum + value * row(j)[at]!, 0) / (a * b)),
  );
}

/**
 * The table in closed form: the Cholesky factor of the R x R matrix of Gaussians, its rows padded with zeros to `width`; the last
 * columns are cut where R is larger, and the cosines are no longer exact.
 */
export function matchedTable(rows: number, width: number, sigma = publishedSigma): Tensor {
  const factor = Array.from({ length: rows }, () => new Float64Array(rows));
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = gaussian(i, j, sigma);
      for (let k = 0; k < j; k++) rest -= factor[i]![k]! * factor[j]![k]!;
      // The matrix is positive, its last pivots are as small as rounding: 0 stands for them.
      if (i === j) factor[i]![j] = Math.sqrt(Math.max(0, rest));
      else factor[i]![j] = factor[j]![j]! > 1e-9 ? rest / factor[j]![j]! : 0;
    }
  }
  const table = zeros([rows, width]);
  factor.forEach((row, i) => table.data.set(row.subarray(0, Math.min(rows, width)), i * width));
  return table;
}

/**
 * The published fit: the mean over pairs of (cos(W_i, W_j) - Gaussian)^2 and the mean of (|W_i| - mean norm)^2, divided by R (R - 1) as
 * in the code, by Adam from standard normal numbers. The second term keeps rows as long as one another.
 */
export function fitTable(
  rows: number,
  width: number,
  options: {
    readonly sigma?: number;
    readonly steps?: number;
    readonly rate?: number;
    readonly seed?: number;
  } = {},
): Tensor {
  const { sigma = publishedSigma, steps = 10_000, rate = 0.01, seed = 1 } = options;
  const source = random(seed);
  const table = zeros([rows, width]);
  table.data.forEach((_, at) => (table.data[at] = source.normal()));
  const [first, second] = [new Float64Array(rows * width), new Float64Array(rows * width)];
  for (let step = 1; step <= steps; step++) {
    const slope = fitGradient(table, sigma);
    const [early, late] = [1 - 0.9 ** step, 1 - 0.999 ** step];
    slope.forEach((g, at) => {
      first[at] = 0.9 * first[at]! + 0.1 * g;
      second[at] = 0.999 * second[at]! + 0.001 * g * g;
      table.data[at]! -= (rate * (first[at] / early)) / (Math.sqrt(second[at] / late) + 1e-8);
    });
  }
  return table;
}

const normsOf = ({ shape, data }: Tensor): readonly number[] => {
  const [rows, width] = shape as [number, number];
  return Array.from({ length: rows }, (_, i) => Math.hypot(...data.subarray(i * width, (i + 1) * width)));
};

/** What `fitTable` lowers: sums over pairs as the code takes them, the norms' term beside them, divided by R (R - 1). */
export function fitLoss(table: Tensor, sigma: number): number {
  const norms = normsOf(table);
  const length = mean(norms);
  let total = mean(norms.map((norm) => (norm - length) ** 2));
  cosines(table).forEach((row, i) => row.forEach((cos, j) => (total += (cos - gaussian(i, j, sigma)) ** 2)));
  return total / (norms.length * (norms.length - 1));
}

export function fitGradient(table: Tensor, sigma: number): Float64Array {
  const [rows, width] = table.shape as [number, number];
  const norms = normsOf(table);
  const length = mean(norms);
  const unit = table.data.map((value, at) => value / norms[Math.floor(at / width)]!);
  const slope = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const towards = new Float64Array(width);
    for (let j = 0; j < rows; j++) {
      let cos = 0;
      for (let c = 0; c < width; c++) cos += unit[i * width + c]! * unit[j * width + c]!;
      // Each pair stands twice in the sum: as (i, j) and as (j, i).
      const factor = 4 * (cos - gaussian(i, j, sigma));
      for (let c = 0; c < width; c++) towards[c]! += factor * (unit[j * width + c]! - cos * unit[i * width + c]!);
    }
    const penalty = (2 * (norms[i]! - length)) / rows;
    for (let c = 0; c < width; c++) {
      slope[i * width + c] = (towards[c]! / norms[i]! + penalty * unit[i * width + c]!) / (rows * (rows - 1));
    }
  }
  return slope;
}

/** Sines and cosines of wavelengths from 2 pi to 10000 times 2 pi, one after another, as in a transformer. */
export function sinusoidalTable(rows: number, width: number): Tensor {
  const table = zeros([rows, width]);
  table.data.forEach((_, at) => {
    const [row, column] = [Math.floor(at / width), at % width];
    const angle = row / 10_000 ** ((2 * Math.floor(column / 2)) / width);
    table.data[at] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return table;
}

/** The table for a grid and a code of `width` numbers: rows for the larger side, and two for the flag. */
export function tableFor(choice: string, rows: number, columns: number, width: number): Tensor {
  const size = Math.max(rows, columns, 2);
  const each = Math.ceil(width / 3);
  if (choice === 'distance-matched') return matchedTable(size, each);
  return choice === 'sinusoidal' ? sinusoidalTable(size, each) : zeros([size, each]);
}

/** pe(row, column, flag). */
export function codeOf(table: Tensor, row: number, column: number, flag: 0 | 1, width: number): Float64Array {
  const each = table.shape[1]!;
  const parts = [row, column, flag].flatMap((at) => [...table.data.subarray(at * each, (at + 1) * each)]);
  return Float64Array.from(parts.slice(0, width));
}
