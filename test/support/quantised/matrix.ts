/** Quantised matrices as their publishers write them, for tests: the tensors of one, and its numbers in float64. */
import { fromBfloat16, fromHalf, toBfloat16, toHalf } from '../../../kernels/tensors/half';

export interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface WrittenMatrix {
  /** By what follows the module's name. */
  readonly tensors: Readonly<Record<string, RawTensor>>;
  /** [rows, columns], by the published definition. */
  readonly numbers: Float64Array;
}

/** [outputs, inputs] */
export interface Matrix {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
}

export type FloatType = 'F16' | 'BF16' | 'F32';

const round = {
  F16: (x: number) => fromHalf(toHalf(x)),
  BF16: (x: number) => fromBfloat16(toBfloat16(x)),
  F32: Math.fround,
};

export const rounded = (value: number, type: FloatType): number => round[type](value);

export function floats(values: ArrayLike<number>, shape: readonly number[], type: FloatType): RawTensor {
  if (type === 'F32') return { dtype: type, shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
  const bits = Uint16Array.from(values, type === 'F16' ? toHalf : toBfloat16);
  return { dtype: type, shape, bytes: new Uint8Array(bits.buffer) };
}

export const words = (values: ArrayLike<number>, shape: readonly number[], dtype = 'I32'): RawTensor => ({
  dtype,
  shape,
  bytes: new Uint8Array(Uint32Array.from(values).buffer),
});

export const bytesOf = (values: ArrayLike<number>, shape: readonly number[], dtype = 'U8'): RawTensor => ({
  dtype,
  shape,
  bytes: Uint8Array.from(values),
});

export interface GroupOptions {
  readonly bits: number;
  readonly group: number;
  readonly symmetric?: boolean;
  readonly scaleType?: FloatType;
  /** The group of each column; absent: runs of `group` columns. */
  readonly groupOf?: readonly number[];
  /** No zero point: a number is scale x code + bias (MLX). */
  readonly biased?: boolean;
}

export interface Grouped {
  /** [rows, columns], from 0 */
  readonly codes: Uint8Array;
  /** [rows, groups], as they are stored */
  readonly scales: Float64Array;
  readonly zeros: Uint8Array;
  readonly biases: Float64Array;
  readonly groups: number;
  readonly numbers: Float64Array;
}

/** Integers from the smallest and the largest number of each group. */
export function grouped({ data, rows, columns }: Matrix, options: GroupOptions): Grouped {
  const { bits, group, symmetric = false, scaleType = 'F16', groupOf, biased = false } = options;
  const groups = Math.ceil(columns / group);
  const most = 2 ** bits - 1;
  const of = (column: number): number => groupOf?.[column] ?? Math.floor(column / group);
  const [codes, numbers] = [new Uint8Array(rows * columns), new Float64Array(rows * columns)];
  const [scales, zeros, biases] = [
    new Float64Array(rows * groups),
    new Uint8Array(rows * groups),
    new Float64Array(rows * groups),
  ];
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < groups; at++) {
      const own = Array.from({ length: columns }, (_, column) => column).filter((column) => of(column) === at);
      const values = own.map((column) => data[row * columns + column] ?? 0);
      const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
      const size = Math.max(-low, high);
      const scale = rounded(symmetric ? (2 * size) / most : (high - low) / most, scaleType);
      const zero = symmetric ? 2 ** (bits - 1) : Math.min(most, Math.max(0, Math.round(-low / scale)));
      const bias = rounded(Math.min(...values), scaleType);
      scales[row * groups + at] = scale;
      zeros[row * groups + at] = zero;
      biases[row * groups + at] = bias;
      for (const [i, column] of own.entries()) {
        const value = values[i] ?? 0;
        const code = Math.round((biased ? value - bias : value) / scale) + (biased ? 0 : zero);
        const kept = Math.min(most, Math.max(0, code));
        codes[row * columns + column] = kept;
        numbers[row * columns + column] = biased ? scale * kept + bias : scale * (kept - zero);
      }
    }
  }
  return { codes, scales, zeros, biases, groups, numbers };
}

/** [a, b] to [b, a]. */
export function turned<T extends Uint8Array | Float64Array>(values: T, rows: number, columns: number): T {
  const out = values.slice() as T;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return out;
}

/** One stream of bits for each line, from the lowest bit of its first word on. Uses BigInt, so numbers may cross words. */
export function bitStream(line: ArrayLike<number>, bits: number): readonly number[] {
  let stream = 0n;
  for (let i = line.length - 1; i >= 0; i--) stream = (stream << BigInt(bits)) | BigInt(line[i] ?? 0);
  return Array.from({ length: Math.ceil((line.length * bits) / 32) }, (_, word) =>
    Number((stream >> BigInt(32 * word)) & 0xffffffffn),
  );
}
