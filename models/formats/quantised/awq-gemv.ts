/**
 * AWQ in AutoAWQ's GEMV form: integers of 4 bits along rows, with zero points and scales along rows too, which are padded behind the last
 * group (awq/modules/linear/gemv.py, December 2026).
 */
import type { Quantisation } from '../model-description';
import { integerFormat, unpackRow } from './integer-matrix';
import type { ModuleParts, PartTensor } from './module-parts';
import { numbersOf, wordsOf } from './part-bytes';
import { axes, groupOf, type QuantisedMatrix } from './quantised-matrix';
import { rowCodes } from './row-integers';
import { wordTensors } from './words';

export async function awqRowMatrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const { qweight, qzeros, scales } = wordTensors(parts);
  const [rows, perRow] = axes(parts, qweight);
  const columns = 8 * perRow;
  const group = groupOf(parts, quantisation, columns);
  const groups = columns / group;
  const multiple = group >= 128 ? 1 : group === 64 ? 2 : 4;
  const width = Math.ceil(Math.ceil(groups / 8) / multiple) * multiple;
  const why = `${columns} inputs in groups of ${group}`;
  parts.requireShape(qzeros, [rows, width], why);
  parts.requireShape(scales, [rows, 8 * width], why);
  await parts.requireNumbers(scales);
  const scaleType = scales.dtype;
  /** [count, groups] of [count, 8 x width] */
  const first = <N extends Float32Array | Uint16Array>(all: N, into: N, count: number): N => {
    for (let row = 0; row < count; row++) {
      for (let at = 0; at < groups; at++) into[row * groups + at] = all[row * 8 * width + at]!;
    }
    return into;
  };
  return {
    shape: [rows, columns],
    format: integerFormat({
      ...{ name: 'AWQ', rows, columns, bits: 4, group, zeroPoints: 'stored' },
      byRow: ['codes', 'zeros', 'scales'],
      codes: rowCodes(columns, 4),
      scales: ({ parts, count }) =>
        first(numbersOf(parts['scales']!, scaleType), new Float32Array(count * groups), count),
      zeros: ({ parts, count }) => {
        const all = new Uint8Array(count * 8 * width);
        unpackRow(wordsOf(parts['zeros']!), { first: 0, bits: 4, count: all.length }, all, 0);
        return first(Uint16Array.from(all), new Uint16Array(count * groups), count);
      },
    }),
    parts: { codes: qweight, zeros: qzeros, scales },
  };
}
