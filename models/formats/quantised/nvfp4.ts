/** NVFP4 of modelopt and compressed-tensors. */
import type { Quantisation } from '../model-description';
import type { NumberFormat } from '../number-formats/number-format';
import { doubledCodes } from './float4';
import { integerFormat } from './integer-matrix';
import type { ModuleParts, PartTensor } from './module-parts';
import { numbersOf } from './part-bytes';
import { axes, type QuantisedMatrix } from './quantised-matrix';

export async function nvfp4Matrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  codes: T,
  whole: T,
  { groupSize: group = 16 }: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const [rows, half] = axes(parts, codes);
  const columns = 2 * half;
  const scales = parts.need('.weight_scale');
  await parts.requireNumbers(scales);
  parts.requireShape(scales, [rows, Math.ceil(columns / group)], `${columns} inputs in groups of ${group}`);
  parts.requireType(scales, 'F8_E4M3');
  parts.requireType(whole, 'F32');
  if (whole.shape.some((size) => size !== 1)) parts.requireShape(whole, [1], 'one scale for all');
  await parts.requireNumbers(whole);
  const divides = whole === parts.get('.weight_global_scale');
  return {
    shape: [rows, columns],
    format: nvfp4({ rows, columns, group, whole: divides ? 'divides' : 'multiplies' }),
    parts: { codes, scales, whole },
  };
}

interface Nvfp4Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly group: number;
  /** Whether the scale of the whole matrix multiplies (modelopt) or divides (compressed-tensors). Absent: there is none (MLX). */
  readonly whole?: 'multiplies' | 'divides';
}

/**
 * float4 e2m1 as in MXFP4, with a float8 scale for 16 numbers and a float32 scale for the matrix. Twice a float4 is an integer; the product
 * of the two scales may have more digits than float32.
 */
export function nvfp4({ rows, columns, group, whole }: Nvfp4Matrix): NumberFormat {
  return integerFormat({
    ...{ name: 'NVFP4', rows, columns, bits: 8, group },
    byRow: ['codes', 'scales'],
    zeroPoints: 'middle',
    codes: doubledCodes(columns),
    scales: ({ parts }) => {
      const [matrix = Number.NaN] = whole === undefined ? [1] : numbersOf(parts['whole']!, 'F32');
      const scales = numbersOf(parts['scales']!, 'F8_E4M3');
      return Float64Array.from(scales, (scale) => (whole === 'divides' ? scale / 2 / matrix : (scale / 2) * matrix));
    },
  });
}
