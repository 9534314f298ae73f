/** Leading principal components of many long rows, by subspace iteration with a fixed start: for few components of wide data. */
import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { random } from '../../../kernels/tensors/random';

export interface Components {
  readonly mean: readonly number[];
  /** [count][width], at right angles, of length 1; the largest number of each is positive. */
  readonly axes: readonly (readonly number[])[];
  /** Share of the variance of each. */
  readonly shares: readonly number[];
}

const iterations = 12;

export function componentsOf(rows: readonly ArrayLike<number>[], count: number): Components {
  const width = rows[0]?.length ?? 0;
  const data = new Matrix(rows.map((row) => Array.from(row)));
  const mean = data.mean('column');
  const centred = data.subRowVector(mean);
  const most = Math.min(count, width, rows.length);
  // A few more than are asked for: the last of a subspace settle slowly.
  const held = Math.min(most + 4, width, rows.length);
  const source = random(1);
  let basis = new QrDecomposition(
    Matrix.from1DArray(
      width,
      held,
      Array.from({ length: width * held }, () => source.normal()),
    ),
  ).orthogonalMatrix;
  const turn = centred.transpose();
  for (let at = 0; at < iterations; at++) basis = new QrDecomposition(turn.mmul(centred.mmul(basis))).orthogonalMatrix;
  const inside = centred.mmul(basis);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(inside.transpose().mmul(inside), {
    assumeSymmetric: true,
  });
  const order = [...realEigenvalues.keys()].sort((a, b) => (realEigenvalues[b] ?? 0) - (realEigenvalues[a] ?? 0));
  const vectors = basis.mmul(eigenvectorMatrix);
  const total = centred.to1DArray().reduce((sum, value) => sum + value ** 2, 0);
  const chosen = order.slice(0, most);
  return {
    mean,
    axes: chosen.map((at) => {
      const axis = vectors.getColumn(at);
      const largest = axis.reduce((best, one) => (Math.abs(one) > Math.abs(best) + 1e-9 ? one : best), 0);
      return largest < 0 ? axis.map((one) => -one) : axis;
    }),
    shares: chosen.map((at) => (total === 0 ? 0 : Math.max(0, realEigenvalues[at] ?? 0) / total)),
  };
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
