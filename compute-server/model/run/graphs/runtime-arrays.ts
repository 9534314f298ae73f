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

/** An output of numbers with its shape. */
export const arrayOf = (values: RuntimeValues, name: string): RuntimeArray => ({
  data: floats(values, name),
  shape: values[name]?.shape ?? [],
});

export function floats(values: RuntimeValues, name: string): Float32Array {
  const value = values[name]?.data;
  if (!(value instanceof Float32Array)) throw new TypeError(`the graph gave no "${name}"`);
  return value;
}

/** Rows [.., w] without what they carry after their hidden numbers. */
export function hiddenOf({ data, shape }: RuntimeArray, hidden: number): RuntimeArray {
  const width = shape.at(-1) ?? 0;
  if (width === hidden || !(data instanceof Float32Array)) return { data, shape };
  const rows = width === 0 ? 0 : data.length / width;
  const out = new Float32Array(rows * hidden);
  for (let row = 0; row < rows; row++) out.set(data.subarray(row * width, row * width + hidden), row * hidden);
  return { data: out, shape: [...shape.slice(0, -1), hidden] };
}
