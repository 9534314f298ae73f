/**
 * Composition by chance: what head A writes is turned by a random rotation of the residual stream (Haar measure) before head B
 * reads it. With p and q the squared singular values of W_B and W_A as shares of their sums and T the block [d, d] of a random
 * orthogonal matrix [w, w], the squared score is p^T (T o T) q: it depends on the weights through p and q alone, so that one
 * rotation serves all pairs, each with rows of its own.
 */
import { CholeskyDecomposition, Matrix, solve } from 'ml-matrix';
import type { Random } from '../../../kernels/tensors/random';

/** Squares as shares of their sum; undefined of a map that is zero. */
export function shares(singular: readonly number[]): readonly number[] | undefined {
  const squares = singular.map((value) => value * value);
  const sum = squares.reduce((all, value) => all + value, 0);
  return sum === 0 ? undefined : squares.map((value) => value / sum);
}

/**
 * Mean and deviation of the squared score over all rotations, by the fourth moments of entries of a random orthogonal matrix
 * [w, w] (Collins and Sniady 2006, arXiv:math-ph/0402073): E t_ij^4 = 3 / (w (w + 2)), E t_ij^2 t_ik^2 = 1 / (w (w + 2)), and
 * E t_ij^2 t_kl^2 = (w + 1) / ((w - 1) w (w + 2)) in other rows and columns. The mean is 1 / w.
 */
export function byChance(
  p: readonly number[],
  q: readonly number[],
  width: number,
): { readonly mean: number; readonly deviation: number } {
  const [a, b] = [p, q].map((all) => all.reduce((sum, value) => sum + value * value, 0)) as [number, number];
  const w = width;
  const second = (3 * a * b + a * (1 - b) + b * (1 - a) + ((w + 1) / (w - 1)) * (1 - a) * (1 - b)) / (w * (w + 2));
  return { mean: 1 / w, deviation: Math.sqrt(Math.max(0, second - 1 / (w * w))) };
}

/**
 * Squares of the first `size` columns of a random orthogonal matrix [w, w], row by row: G R^-1 with G [w, size] of normal numbers
 * and R its triangular factor is distributed so (Mezzadri 2007, arXiv:math-ph/0609050). Any of its rows are as any others.
 */
export function rotatedSquares(width: number, size: number, source: Random): Float64Array {
  const normal = Matrix.zeros(size, width);
  const gram = Matrix.zeros(size, size);
  const row = new Float64Array(size);
  for (let at = 0; at < width; at++) {
    for (let i = 0; i < size; i++) {
      const value = source.normal();
      row[i] = value;
      normal.set(i, at, value);
    }
    for (let i = 0; i < size; i++) {
      const value = row[i] ?? 0;
      for (let j = 0; j <= i; j++) gram.set(i, j, gram.get(i, j) + value * (row[j] ?? 0));
    }
  }
  for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) gram.set(i, j, gram.get(j, i));
  // L L^T = G^T G, R = L^T: (G R^-1)^T = L^-1 G^T.
  const turned = solve(new CholeskyDecomposition(gram).lowerTriangularMatrix, normal);
  const squares = new Float64Array(width * size);
  for (let at = 0; at < width; at++) for (let i = 0; i < size; i++) squares[at * size + i] = turned.get(i, at) ** 2;
  return squares;
}
