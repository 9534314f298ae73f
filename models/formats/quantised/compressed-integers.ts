/** Integers of compressed-tensors: packed into words, or a byte each. */
import type { Quantisation } from '../model-description';
import { QuantisedWeightsError, type ModuleParts, type PartTensor } from './module-parts';
import { axes, bitsOf, groupOf, type QuantisedMatrix } from './quantised-matrix';
import { packedIntegers, signedBytes } from './row-integers';

export async function packedMatrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  codes: T,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  parts.requireType(codes, 'I32', 'U32');
  const [rows, width] = axes(parts, codes);
  const shape = parts.need('.weight_shape');
  const [said = 0, columns = 0] = shapeIn(await parts.bytes(shape));
  if (said !== rows) {
    throw new QuantisedWeightsError(
      `${shape.name} says ${said} rows, but ${codes.name} has ${rows}. The file is damaged; fetch the checkpoint again.`,
    );
  }
  const bits = bitsOf(quantisation, width, columns);
  const perWord = Math.floor(32 / bits);
  const isDense = width === Math.ceil((columns * bits) / 32);
  if (!isDense) parts.requireShape(codes, [rows, Math.ceil(columns / perWord)], `${bits} bits for ${columns} inputs`);
  const scales = parts.need('.weight_scale');
  const { wholeScale, group, why } = groupsOf(parts, scales, quantisation, rows, columns);
  const groups = columns / group;
  await parts.requireNumbers(scales);
  const zeros = parts.get('.weight_zero_point');
  if (zeros) {
    const lines = isDense ? Math.ceil((rows * bits) / 32) : Math.ceil(rows / perWord);
    parts.requireType(zeros, 'I32', 'U32');
    parts.requireShape(zeros, [lines, groups], why);
  }
  const order = parts.get('.weight_g_idx');
  if (order) {
    parts.requireType(order, 'I32', 'U32');
    parts.requireShape(order, [columns], `${columns} inputs`);
  }
  const indices = order && (await parts.groupsOf(order, groups, group));
  return {
    shape: [rows, columns],
    format: packedIntegers({
      ...{ rows, columns, bits, group, wholeScale, zeroPoints: zeros !== undefined, scaleType: scales.dtype },
      ...(indices ? { groupOf: indices } : {}),
      ...(isDense ? {} : { perWord }),
    }),
    parts: { codes, scales, ...(zeros ? { zeros } : {}) },
  };
}

/** compressed-tensors has scales [rows, groups], one a row, or one for all. */
function groupsOf<T extends PartTensor>(
  parts: ModuleParts<T>,
  scales: T,
  quantisation: Quantisation,
  rows: number,
  columns: number,
): { readonly wholeScale: boolean; readonly group: number; readonly why: string } {
  const [first = 1, second] = scales.shape;
  const isLine = scales.shape.length < 2;
  const wholeScale = isLine && first !== rows;
  if (wholeScale && first !== 1) parts.requireShape(scales, [1], 'one scale for all');
  const group = isLine || second === 1 ? columns : groupOf(parts, quantisation, columns, second);
  const why = `${rows} outputs of ${columns} inputs in groups of ${group}`;
  if (!isLine) parts.requireShape(scales, [rows, columns / group], why);
  return { wholeScale, group, why };
}

const shapeIn = (bytes: Uint8Array): readonly number[] =>
  bytes.length % 8 === 0 ? Array.from(new BigInt64Array(bytes.slice().buffer), Number) : [];

export async function byteMatrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  codes: T,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const [rows, columns] = axes(parts, codes);
  const scales = parts.need('.weight_scale');
  await parts.requireNumbers(scales);
  const { wholeScale, group, why } = groupsOf(parts, scales, quantisation, rows, columns);
  const zeros = parts.get('.weight_zero_point');
  if (zeros) {
    parts.requireType(zeros, 'I8');
    parts.requireShape(zeros, [rows, columns / group], why);
  }
  return {
    shape: [rows, columns],
    format: signedBytes({
      ...{ rows, columns, group, wholeScale, zeroPoints: zeros !== undefined, scaleType: scales.dtype },
    }),
    parts: { codes, scales, ...(zeros ? { zeros } : {}) },
  };
}
