/**
 * Singular values and eigenvalues of products of low rank, without the large matrix: of A^T B with A and B [d, w] by the
 * triangular factors of A^T and B^T, whose product [d, d] has the same singular values. Decompositions are those of ml-matrix
 * (Householder and QL/QR as in EISPACK and JAMA), in float64.
 */
import { EigenvalueDecomposition, Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';

/** R [d, d] of the QR decomposition of rows^T, rows [d, w] row by row: |rows^T x| = |R x| for every x. */
export function triangular(rows: Float32Array, d: number): Matrix {
  const width = rows.length / d;
  // Fewer columns than rows: zeros behind change no length.
  const tall = Matrix.zeros(Math.max(width, d), d);
  for (let row = 0; row < d; row++) for (let i = 0; i < width; i++) tall.set(i, row, rows[row * width + i] ?? 0);
  return new QrDecomposition(tall).upperTriangularMatrix;
}

/** r x for x [d, w] row by row. */
export function times(r: Matrix, rows: Float32Array): Float32Array {
  const d = r.columns;
  const width = rows.length / d;
  const out = new Float32Array(r.rows * width);
  const sum = new Float64Array(width);
  for (let to = 0; to < r.rows; to++) {
    sum.fill(0);
    for (let from = 0; from < d; from++) {
      const factor = r.get(to, from);
      if (factor === 0) continue;
      for (let i = 0; i < width; i++) sum[i] = (sum[i] ?? 0) + factor * (rows[from * width + i] ?? 0);
    }
    out.set(sum, to * width);
  }
  return out;
}

/** Singular values of a^T b, largest first, from the triangular factors of a^T and b^T. */
export const singularValues = (a: Matrix, b: Matrix): readonly number[] =>
  new SingularValueDecomposition(a.mmul(b.transpose()), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  }).diagonal;

/** sqrt of the sum of squares: the Frobenius norm. */
export const lengthOf = (singular: readonly number[]): number => Math.hypot(...singular);

/**
 * exp of the entropy of the singular values as shares of their sum: between 1 and their number (Roy and Vetterli 2007, "The
 * effective rank: a measure of effective dimensionality"). NaN of a map that is zero.
 */
export function effectiveRank(singular: readonly number[]): number {
  const sum = singular.reduce((all, value) => all + value, 0);
  if (sum === 0) return Number.NaN;
  const entropy = singular.reduce((all, value) => (value > 0 ? all - (value / sum) * Math.log(value / sum) : all), 0);
  return Math.exp(entropy);
}

/**
 * Sum of the eigenvalues over the sum of their absolute values, of a matrix [d, d] row by row: 1 where all are positive, -1
 * where all are negative. Eigenvalues come in conjugate pairs, so that the sum is real (Elhage et al. 2021, "How do we detect
 * copying?"). NaN of a matrix whose eigenvalues are all 0.
 */
export function positiveShare(matrix: Float32Array, d: number): number {
  const square = Matrix.from1DArray(d, d, matrix);
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(square);
  const sizes = realEigenvalues.map((real, i) => Math.hypot(real, imaginaryEigenvalues[i] ?? 0));
  const sum = sizes.reduce((all, size) => all + size, 0);
  return sum === 0 ? Number.NaN : realEigenvalues.reduce((all, real) => all + real, 0) / sum;
}
