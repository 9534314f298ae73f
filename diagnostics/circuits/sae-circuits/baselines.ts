/**
 * What is known of a head without an autoencoder, from its outputs in n / 2 prompts and as many counterparts:
 *
 * - `norm`: mean norm of its output over all examples;
 * - `difference`: norm of the mean output over prompts less that over counterparts;
 * - `separation`: area under the ROC curve of a linear discriminant, each prompt and its counterpart being judged by the discriminant
 *   of all other pairs: 0.5 where nothing tells the two apart.
 *
 * The discriminant is the regression of +1 (prompt) and -1 (counterpart) on the outputs, whose direction is that of Fisher's; few
 * examples of many numbers need a ridge, which is a tenth of the mean variance of the directions that there are: tr(K) / (10 min(n - 1,
 * D)), K [n, n] the products of the centred outputs with each other. With G = (K + ridge)^-1 the residuals are e = ridge G y, and
 * those of a pair B that is left out are (ridge G - 1 / n)_BB^-1 e_B, without solving again.
 */
import { CholeskyDecomposition, Matrix, inverse } from 'ml-matrix';
import { areaBelow } from '../../shared/statistics/ranking';

export interface Baselines {
  /** In units of the residual stream. */
  readonly norm: number;
  readonly difference: number;
  /** NaN of one pair; 0.5 of a head whose outputs are all the same. */
  readonly separation: number;
}

/** `outputs` [2 pairs, D]: first the prompts, then their counterparts. */
export function baselinesOf(outputs: Float32Array, pairs: number): Baselines {
  const n = 2 * pairs;
  const rows = Matrix.from1DArray(n, outputs.length / n, outputs);
  let norm = 0;
  for (let at = 0; at < n; at++) norm += rows.getRowVector(at).norm('frobenius') / n;
  const meanOf = (from: number): readonly number[] =>
    rows.subMatrix(from, from + pairs - 1, 0, rows.columns - 1).mean('column');
  const [own, other] = [meanOf(0), meanOf(pairs)];
  const difference = Math.hypot(...own.map((value, i) => value - (other[i] ?? 0)));
  return { norm, difference, separation: pairs > 1 ? separationOf(rows, pairs) : Number.NaN };
}

function separationOf(rows: Matrix, pairs: number): number {
  const n = rows.rows;
  const centred = rows.subRowVector(rows.mean('column'));
  const products = centred.mmul(centred.transpose());
  const ridge = products.trace() / (10 * Math.min(n - 1, rows.columns));
  if (!(ridge > 0)) return 0.5;
  const g = new CholeskyDecomposition(products.add(Matrix.eye(n, n, ridge))).solve(Matrix.eye(n, n));
  const labels = Array.from({ length: n }, (_, at) => (at < pairs ? 1 : -1));
  const residuals = g.mmul(Matrix.columnVector(labels)).mul(ridge);
  const predicted = new Float64Array(n);
  for (let at = 0; at < pairs; at++) {
    const pair = [at, pairs + at];
    const block = g
      .selection(pair, pair)
      .mul(ridge)
      .sub(1 / n);
    const left = inverse(block).mmul(Matrix.columnVector(pair.map((one) => residuals.get(one, 0))));
    pair.forEach((one, i) => (predicted[one] = (labels[one] ?? 0) - left.get(i, 0)));
  }
  return areaBelow([...predicted.subarray(pairs)], [...predicted.subarray(0, pairs)]) ?? Number.NaN;
}
