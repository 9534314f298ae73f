/** Integers stored along rows: compressed-tensors, int8 of bitsandbytes, and MLX. */
import type { EncodedRows, NumberFormat } from '../number-formats/number-format';
import { integerFormat, unpackRow, type IntegerMatrix } from './integer-matrix';
import { numbersOf, wordsOf } from './part-bytes';

export interface RowMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly group: number;
  readonly scaleType: string;
  readonly groupOf?: Int32Array;
}

/** Scales [rows, groups], or one for all. */
interface Scales {
  readonly wholeScale?: boolean;
  readonly zeroPoints?: boolean;
}

export const scalesOf =
  (columns: number, { group, scaleType, wholeScale }: RowMatrix & Scales) =>
  ({ parts, count }: EncodedRows): Float32Array => {
    const numbers = numbersOf(parts['scales']!, scaleType);
    return wholeScale === true
      ? new Float32Array(count * Math.ceil(columns / group)).fill(numbers[0] ?? Number.NaN)
      : numbers;
  };

export type PackedIntegers = RowMatrix & Scales & { readonly perWord?: number };

export type SignedBytes = Omit<RowMatrix, 'bits'> & Scales & { readonly name?: string; readonly divisor?: number };

/**
 * compressed-tensors `pack-quantized`: signed integers with 2^(bits - 1) added, in words of 32 bits, zero points packed along the
 * rows in the same way. `perWord`: an earlier version does not let an integer continue in the next word.
 */
export function packedIntegers(matrix: PackedIntegers): NumberFormat {
  const { rows, columns, bits, group, wholeScale, zeroPoints, groupOf } = matrix;
  const perWord = matrix.perWord === undefined ? {} : { perWord: matrix.perWord };
  const groups = Math.ceil(columns / group);
  return integerFormat({
    ...{ name: `int${bits}`, rows, columns, bits, group },
    recipe: { maker: 'packed integers', of: matrix },
    byRow: ['codes', ...(wholeScale === true ? [] : ['scales'])],
    zeroPoints: zeroPoints === true ? 'stored' : 'middle',
    ...(groupOf ? { groupOf } : {}),
    codes: rowCodes(columns, bits, perWord),
    scales: scalesOf(columns, matrix),
    ...(zeroPoints === true
      ? {
          zeros: ({ parts, first, count }) => {
            const words = wordsOf(parts['zeros']!);
            const down = new Uint8Array(rows);
            const column = new Uint32Array(words.length / groups);
            const out = new Uint16Array(count * groups);
            for (let at = 0; at < groups; at++) {
              for (let i = 0; i < column.length; i++) column[i] = words[i * groups + at]!;
              unpackRow(column, { first: 0, bits, count: rows, ...perWord }, down, 0);
              for (let row = 0; row < count; row++) out[row * groups + at] = down[first + row]!;
            }
            return out;
          },
        }
      : {}),
  });
}

export const rowCodes =
  (columns: number, bits: number, perWord: { readonly perWord?: number } = {}): IntegerMatrix['codes'] =>
  ({ parts, count }, into, stride) => {
    const words = wordsOf(parts['codes']!);
    const each = words.length / Math.max(1, count);
    for (let row = 0; row < count; row++) {
      unpackRow(words, { first: row * each, bits, count: columns, ...perWord }, into, row * stride);
    }
  };

/** Signed bytes. `divisor` divides the scales: 127 for bitsandbytes, which stores the largest magnitude of a row. */
export function signedBytes(matrix: SignedBytes): NumberFormat {
  const { rows, columns, group, wholeScale, zeroPoints, divisor, name = 'int8' } = matrix;
  const scales = scalesOf(columns, { ...matrix, bits: 8 });
  return integerFormat({
    ...{ name, rows, columns, bits: 8, group },
    recipe: { maker: 'signed bytes', of: matrix },
    byRow: ['codes', ...(wholeScale === true ? [] : ['scales']), ...(zeroPoints === true ? ['zeros'] : [])],
    zeroPoints: zeroPoints === true ? 'stored' : 'middle',
    codes: ({ parts, count }, into, stride) => {
      const bytes = parts['codes']!;
      for (let row = 0; row < count; row++) {
        for (let column = 0; column < columns; column++) {
          into[row * stride + column] = bytes[row * columns + column]! ^ 0x80;
        }
      }
    },
    scales: divisor === undefined ? scales : (asked) => scales(asked).map((scale) => scale / divisor),
    ...(zeroPoints === true ? { zeros: ({ parts }) => Uint16Array.from(parts['zeros']!, (byte) => byte ^ 0x80) } : {}),
  });
}
