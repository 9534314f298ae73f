/** What networks made of modules start from and read. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { BatchArray, Parameters } from '../../model-runner/trainer';

/** Uniform numbers of variance 2 / (in + out) for matrices and kernels, 0 for vectors: Glorot and Bengio 2010, equation 16. */
export const glorot = (shapes: Readonly<Record<string, readonly number[]>>, seed: number): Parameters =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const source = random(seedFor(seed, name));
      const [out = 1, ...rest] = shape;
      const inner = rest.reduce((a, b) => a * b, 1);
      const kernel = shape.slice(2).reduce((a, b) => a * b, 1);
      const reach = shape.length < 2 ? 0 : Math.sqrt(6 / (inner + out * kernel));
      return [name, Float32Array.from({ length: out * inner }, () => reach * (2 * source.uniform() - 1))];
    }),
  );

/** float32 numbers as an input of a batch. */
export const floats = (shape: readonly number[], data: ArrayLike<number>): BatchArray => ({
  data: Float32Array.from(data),
  shape,
});

/** Numbers of equal length one behind another, [n, ...shape]. */
export function stacked(each: readonly ArrayLike<number>[], shape: readonly number[]): BatchArray {
  const length = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(each.length * length);
  each.forEach((one, at) => data.set(one, at * length));
  return { data, shape: [each.length, ...shape] };
}

/** int64 of whole numbers. */
export const wholes = (shape: readonly number[], data: readonly number[]): BatchArray => ({
  data: BigInt64Array.from(data, BigInt),
  shape,
});
