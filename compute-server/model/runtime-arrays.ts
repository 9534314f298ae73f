/** Small arrays as graphs take them, and outputs as numbers. */
import type { RuntimeArray, RuntimeValues } from '../runtime/session';

export const flag = (on: boolean): RuntimeArray => ({ data: new Uint8Array([on ? 1 : 0]), shape: [] });

export const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);

export const int64 = (numbers: readonly number[], shape: readonly number[]): RuntimeArray => ({
  data: BigInt64Array.from(numbers, BigInt),
  shape,
});

export function floats(values: RuntimeValues, name: string): Float32Array {
  const value = values[name]?.data;
  if (!(value instanceof Float32Array)) throw new TypeError(`the graph gave no "${name}"`);
  return value;
}
