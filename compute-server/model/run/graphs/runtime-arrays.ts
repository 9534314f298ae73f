/** Small arrays as graphs take them, and outputs as numbers. */
import type { RuntimeArray, RuntimeValues } from '../../../runtime/session';

export const flag = (on: boolean): RuntimeArray => ({ data: new Uint8Array([on ? 1 : 0]), shape: [] });

export const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);

/** Whole numbers below 2^31, written as pairs of 32-bit words (little-endian, as every platform of the runtime is): a BigInt each would be garbage. */
export function int64(numbers: readonly number[], shape: readonly number[]): RuntimeArray {
  const data = new BigInt64Array(numbers.length);
  const words = new Int32Array(data.buffer);
  numbers.forEach((number, at) => {
    words[2 * at] = number;
    words[2 * at + 1] = number < 0 ? -1 : 0;
  });
  return { data, shape };
}

export const int32 = (numbers: readonly number[], shape: readonly number[]): RuntimeArray => ({
  data: Int32Array.from(numbers),
  shape,
});

export function floats(values: RuntimeValues, name: string): Float32Array {
  const value = values[name]?.data;
  if (!(value instanceof Float32Array)) throw new TypeError(`the graph gave no "${name}"`);
  return value;
}
