/** MXFP4 (OCP MX 1.0): a power of two for 32 numbers of float4. */
import type { NumberFormat } from '../number-formats/number-format';
import { doubledCodes } from './float4';
import { integerFormat } from './integer-matrix';
import type { ModuleParts, PartTensor } from './module-parts';
import { numbersOf } from './part-bytes';
import { axes, type QuantisedMatrix } from './quantised-matrix';

export async function mxfp4Matrix<T extends PartTensor>(parts: ModuleParts<T>, codes: T): Promise<QuantisedMatrix<T>> {
  const [rows, half] = axes(parts, codes);
  const columns = 2 * half;
  const scales = parts.need('.weight_scale');
  await parts.requireNumbers(scales);
  parts.requireShape(scales, [rows, Math.ceil(columns / 32)], `${columns} inputs in groups of 32`);
  parts.requireType(scales, 'U8', 'F8_E8M0');
  return { shape: [rows, columns], format: mxfp4({ rows, columns }), parts: { codes, scales } };
}

/** gpt-oss: `_blocks` [experts, outputs, inputs / 32, 16], while the model has the transpose of each expert. */
export async function expertMatrices<T extends PartTensor>(
  parts: ModuleParts<T>,
  codes: T,
): Promise<QuantisedMatrix<T>> {
  const scales = parts.need('_scales');
  const [count = 0, outputs = 0, groups = 0] = codes.shape;
  parts.requireType(codes, 'U8');
  parts.requireType(scales, 'U8', 'F8_E8M0');
  parts.requireShape(codes, [count, outputs, groups, 16], 'groups of 32 numbers in 16 bytes');
  parts.requireShape(scales, [count, outputs, groups], `${groups} groups of ${outputs} outputs`);
  await parts.requireNumbers(scales);
  const inputs = 32 * groups;
  return {
    shape: [count, inputs, outputs],
    transposed: true,
    format: mxfp4({ rows: count * outputs, columns: inputs }),
    parts: { codes, scales },
  };
}

/** float4 e2m1 and a power of two for 32 numbers. Twice a float4 is an integer. */
export function mxfp4({ rows, columns }: { readonly rows: number; readonly columns: number }): NumberFormat {
  return integerFormat({
    ...{ name: 'MXFP4', rows, columns, bits: 8, group: 32 },
    byRow: ['codes', 'scales'],
    zeroPoints: 'middle',
    codes: doubledCodes(columns),
    scales: ({ parts }) => numbersOf(parts['scales']!, 'U8').map((scale) => scale / 2),
  });
}
