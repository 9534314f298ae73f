/**
 * Ridge regression of several targets on the same features Phi [n, f]:  V = argmin |Phi V - Y|^2 + lambda |V|^2,
 * with the smaller of the two Gram matrices: V = Phi^T (Phi Phi^T + lambda)^-1 Y where n < f, else (Phi^T Phi + lambda)^-1 Phi^T Y.
 * lambda is a share of the largest eigenvalue of the Gram matrix; both matrices have the same one.
 */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { Features } from './features';

/** lambda over the largest eigenvalue of the Gram matrix: decades. */
const shares: readonly number[] = Array.from({ length: 7 }, (_, at) => 10 ** (at - 7));

export interface Fit {
  /** lambda over the largest eigenvalue. */
  readonly share: number;
  /** [f] for each target; undefined where rounding made the Gram matrix no longer positive definite. */
  readonly weights: readonly Float64Array[] | undefined;
}

/** `targets`: [n] each. */
export function ridgePath(
  features: Features,
  targets: readonly Float64Array[],
  path: readonly number[] = shares,
): readonly Fit[] {
  const dual = features.rows < features.width;
  const side = dual ? features.rows : features.width;
  const wide = dual ? features : transposed(features);
  const gram = gramOf(wide);
  const top = largestEigenvalue(gram);
  const right = dual ? targets : targets.map((y) => products(wide, y));
  const rightSides = Matrix.zeros(side, targets.length);
  for (const [column, y] of right.entries()) for (let row = 0; row < side; row++) rightSides.set(row, column, y[row]!);
  return path.map((share) => {
    const shifted = gram.clone();
    for (let i = 0; i < side; i++) shifted.set(i, i, shifted.get(i, i) + share * top);
    const factor = new CholeskyDecomposition(shifted);
    if (!factor.isPositiveDefinite()) return { share, weights: undefined };
    const solved = factor.solve(rightSides);
    const columns = targets.map((_, column) => Float64Array.from(solved.getColumn(column)));
    return { share, weights: dual ? columns.map((column) => combined(features, column)) : columns };
  });
}

/** Phi Phi^T, two rows by two columns at a time. */
export function gramOf({ rows, width, data }: Features): Matrix {
  const gram = Matrix.zeros(rows, rows);
  const set = (i: number, j: number, value: number): void => {
    if (i >= rows || j >= rows) return;
    gram.set(i, j, value);
    gram.set(j, i, value);
  };
  for (let i = 0; i < rows; i += 2) {
    const a = i * width;
    const b = Math.min(i + 1, rows - 1) * width;
    for (let j = 0; j <= i; j += 2) {
      const c = j * width;
      const d = Math.min(j + 1, rows - 1) * width;
      let [ac, ad, bc, bd] = [0, 0, 0, 0];
      for (let k = 0; k < width; k++) {
        const [x, y, z, w] = [data[a + k]!, data[b + k]!, data[c + k]!, data[d + k]!];
        ac += x * z;
        ad += x * w;
        bc += y * z;
        bd += y * w;
      }
      set(i, j, ac);
      set(i, j + 1, ad);
      set(i + 1, j, bc);
      set(i + 1, j + 1, bd);
    }
  }
  return gram;
}

function transposed({ rows, width, data }: Features): Features {
  const turned = new Float64Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < width; column++) turned[column * rows + row] = data[row * width + column]!;
  return { rows: width, width: rows, data: turned };
}

/** By power iteration: a lambda needs no more than its size. */
function largestEigenvalue(gram: Matrix): number {
  let x = Matrix.ones(gram.rows, 1);
  let value = 0;
  for (let turn = 0; turn < 20; turn++) {
    const next = gram.mmul(x);
    value = next.norm('frobenius') / x.norm('frobenius');
    if (value === 0) return 1;
    x = next.div(next.norm('frobenius'));
  }
  return value;
}

/** Phi x, [rows]. */
export function products({ rows, width, data }: Features, x: Float64Array): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let c = 0; c < width; c++) sum += data[row * width + c]! * x[c]!;
    return sum;
  });
}

/** Phi^T x, [f]. */
function combined({ rows, width, data }: Features, x: Float64Array): Float64Array {
  const sums = new Float64Array(width);
  for (let row = 0; row < rows; row++) for (let c = 0; c < width; c++) sums[c]! += data[row * width + c]! * x[row]!;
  return sums;
}

/** Mean of (Phi V - y)^2 over mean of y^2. */
export function relativeError(features: Features, weights: Float64Array, y: Float64Array): number {
  const found = products(features, weights);
  let [wrong, all] = [0, 0];
  for (const [row, value] of y.entries()) {
    wrong += (found[row]! - value) ** 2;
    all += value ** 2;
  }
  return wrong / all;
}
