import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export interface Projection {
  /** [rows]: along the first and the second principal component; each points where its largest number is positive. */
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** Share of the variance of each. */
  readonly shares: readonly [number, number];
}

/** Principal components of rows [n, width], from the products of the centred rows with each other [n, n]. */
export function principalComponents(rows: ArrayLike<number>, n: number): Projection {
  const data = Matrix.from1DArray(n, rows.length / n, rows);
  const centred = data.subRowVector(data.mean('column'));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(centred.mmul(centred.transpose()), {
    assumeSymmetric: true,
  });
  const order = [...realEigenvalues.keys()].sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
  const total = realEigenvalues.reduce((sum, value) => sum + Math.max(0, value), 0);
  const along = (rank: number): { readonly values: readonly number[]; readonly share: number } => {
    const at = order[rank];
    const value = at === undefined ? 0 : Math.max(0, realEigenvalues[at]!);
    const vector = at === undefined ? new Array<number>(n).fill(0) : eigenvectorMatrix.getColumn(at);
    const largest = vector.reduce((most, one) => (Math.abs(one) > Math.abs(most) + 1e-9 ? one : most), 0);
    const scale = Math.sqrt(value) * (largest < 0 ? -1 : 1);
    return { values: vector.map((one) => one * scale + 0), share: total === 0 ? 0 : value / total };
  };
  const [one, two] = [along(0), along(1)];
  return { first: one.values, second: two.values, shares: [one.share, two.share] };
}
