/** Few directions in which the vectors of some classes differ, and vectors of which nothing else is kept. In float64. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import type { Random } from '../../../kernels/tensors/random';

export interface Subspace {
  /** Mean of the class means, [d]. */
  readonly mean: Float64Array;
  /** Orthonormal, largest singular value first, [directions][d]. */
  readonly directions: readonly Float64Array[];
  /** Singular values of the centred class means [classes, d], or of all centred vectors [n, d] over the root of n. */
  readonly values: readonly number[];
}

export const bases = ['class means', 'all vectors'] as const;
export type Basis = (typeof bases)[number];

export interface Classed {
  readonly vector: ArrayLike<number>;
  readonly of: number;
}

/** Singular values that are smaller than this share of the length of a vector (root mean square) are rounding in float32. */
const leastValue = 1e-5;

export function fitted(vectors: readonly Classed[], basis: Basis): Subspace {
  const means = classMeans(vectors);
  const mean = meanOf([...means.values()]);
  const rows = basis === 'class means' ? [...means.values()] : vectors.map(({ vector }) => vector);
  const scale = basis === 'class means' ? 1 : 1 / Math.sqrt(rows.length);
  const centred = new Matrix(rows.map((row) => Array.from(mean, (middle, i) => scale * ((row[i] ?? 0) - middle))));
  const decomposition = new SingularValueDecomposition(centred, {
    autoTranspose: true,
    computeLeftSingularVectors: false,
  });
  const all = decomposition.diagonal;
  const squares = vectors.map(({ vector }) => Array.from(vector).reduce((sum, value) => sum + value ** 2, 0));
  const size = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
  const values = all.filter((value) => value > leastValue * size);
  const right = decomposition.rightSingularVectors;
  return { mean, values, directions: values.map((_, at) => Float64Array.from(right.getColumn(at))) };
}

/** By class, in the order of the classes. */
export function classMeans(vectors: readonly Classed[]): ReadonlyMap<number, Float64Array> {
  const classes = [...new Set(vectors.map(({ of }) => of))].sort((a, b) => a - b);
  return new Map(classes.map((of) => [of, meanOf(vectors.filter((one) => one.of === of).map(({ vector }) => vector))]));
}

export function meanOf(vectors: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (vector[i] ?? 0);
  return sum.map((total) => total / vectors.length);
}

/** Coordinates of x - mean along the first directions. */
export const coordinates = (x: ArrayLike<number>, { mean, directions }: Subspace, rank: number): readonly number[] =>
  directions
    .slice(0, rank)
    .map((direction) => direction.reduce((sum, value, i) => sum + value * ((x[i] ?? 0) - (mean[i] ?? 0)), 0));

/** mean + P (x - mean), P the projector onto the first `rank` directions. */
export function projected(x: ArrayLike<number>, subspace: Subspace, rank: number): Float64Array {
  const out = subspace.mean.slice();
  coordinates(x, subspace, rank).forEach((along, at) => {
    const direction = subspace.directions[at];
    for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) + along * (direction?.[i] ?? 0);
  });
  return out;
}

/** As many directions drawn at random, about the same mean. */
export function randomSubspace({ mean, directions }: Subspace, random: Random): Subspace {
  const drawn: Float64Array[] = [];
  for (let at = 0; at < directions.length; at++) {
    const one = mean.map(() => random.normal());
    for (const other of drawn) {
      const along = one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0);
      for (let i = 0; i < one.length; i++) one[i] = (one[i] ?? 0) - along * (other[i] ?? 0);
    }
    const norm = Math.hypot(...one);
    drawn.push(one.map((value) => value / norm));
  }
  return { mean, directions: drawn, values: directions.map(() => Number.NaN) };
}
