/**
 * Leading principal components of rows: eigenvectors of their covariance. They are exact where there are few rows or few columns;
 * otherwise they come from subspace iteration with a fixed start.
 */
import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { random } from '../../../kernels/tensors/random';

export interface Components {
  readonly mean: readonly number[];
  /** [count][width], at right angles, each of length 1; its largest number is positive. */
  readonly axes: readonly (readonly number[])[];
  /** Share of the variance along each axis. */
  readonly shares: readonly number[];
}

const iterations = 12;
/** The largest side of a matrix whose eigenvectors are taken directly. */
const mostExact = 256;

export function componentsOf(rows: readonly ArrayLike<number>[], count: number): Components {
  const width = rows[0]?.length ?? 0;
  const data = new Matrix(rows.map((row) => Array.from(row)));
  const mean = data.mean('column');
  const centred = data.subRowVector(mean);
  const most = Math.min(count, width, rows.length);
  const basis = basisOf(centred, most);
  const inside = centred.mmul(basis);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(inside.transpose().mmul(inside), {
    assumeSymmetric: true,
  });
  const order = [...realEigenvalues.keys()].sort((a, b) => (realEigenvalues[b] ?? 0) - (realEigenvalues[a] ?? 0));
  const vectors = basis.mmul(eigenvectorMatrix);
  const total = centred.to1DArray().reduce((sum, value) => sum + value ** 2, 0);
  const leading = order.slice(0, most);
  return {
    mean,
    axes: leading.map((at) => turned(vectors.getColumn(at))),
    shares: leading.map((at) => (total === 0 ? 0 : Math.max(0, realEigenvalues[at] ?? 0) / total)),
  };
}

/** Columns at right angles [width, k] in which the leading axes lie: all directions of the rows where these are few. */
function basisOf(centred: Matrix, most: number): Matrix {
  const [n, width] = [centred.rows, centred.columns];
  if (width <= mostExact) return Matrix.eye(width);
  const turn = centred.transpose();
  if (n <= mostExact) return new QrDecomposition(turn).orthogonalMatrix;
  // A few more than are asked for: the last of a subspace settle slowly.
  const size = Math.min(most + 4, width, n);
  const source = random(1);
  const start = Array.from({ length: width * size }, () => source.normal());
  let basis = new QrDecomposition(Matrix.from1DArray(width, size, start)).orthogonalMatrix;
  for (let at = 0; at < iterations; at++) basis = new QrDecomposition(turn.mmul(centred.mmul(basis))).orthogonalMatrix;
  return basis;
}

/** The vector or its opposite, so that its largest number is positive. */
function turned(vector: readonly number[]): readonly number[] {
  const largest = vector.reduce((best, one) => (Math.abs(one) > Math.abs(best) + 1e-9 ? one : best), 0);
  return largest < 0 ? vector.map((one) => -one) : vector;
}

/** Coordinates of a row along the axes. */
export const placedOn = ({ mean, axes }: Components, row: ArrayLike<number>): number[] =>
  axes.map((axis) => axis.reduce((sum, value, i) => sum + value * ((row[i] ?? 0) - (mean[i] ?? 0)), 0));

/** Mean of the squared differences of a row and what the axes keep of it. */
export function lostBy(components: Components, row: ArrayLike<number>): number {
  const { mean } = components;
  const kept = placedOn(components, row).reduce((sum, value) => sum + value ** 2, 0);
  const all = mean.reduce((sum, centre, i) => sum + ((row[i] ?? 0) - centre) ** 2, 0);
  return Math.max(0, all - kept) / mean.length;
}

export interface Projection {
  /** [rows]: along the first and the second principal component; the largest number of each is positive. */
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** Share of the variance along each. */
  readonly shares: readonly [number, number];
}

/** Where rows [n, width] lie on their two leading principal components. */
export function projectionOf(rows: readonly ArrayLike<number>[]): Projection {
  const components = componentsOf(rows, 2);
  const along = rows.map((row) => placedOn(components, row));
  const [first, second] = [0, 1].map((axis) => turned(along.map((place) => place[axis] ?? 0)));
  const [one = 0, two = 0] = components.shares;
  return { first: first ?? [], second: second ?? [], shares: [one, two] };
}
