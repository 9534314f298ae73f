/** What AWQ and GPTQ have in common: words of 32 bits with the codes, words with the zero points, and scales by group. */
import type { EncodedRows } from '../number-formats/number-format';
import type { ModuleParts, PartTensor } from './module-parts';
import { numbersOf } from './part-bytes';

interface WordTensors<T extends PartTensor> {
  readonly qweight: T;
  /** [groups, words] */
  readonly qzeros: T;
  /** [groups, rows] */
  readonly scales: T;
}

export function wordTensors<T extends PartTensor>(parts: ModuleParts<T>): WordTensors<T> {
  const [qweight, qzeros, scales] = [parts.need('.qweight'), parts.need('.qzeros'), parts.need('.scales')];
  parts.requireType(qweight, 'I32', 'U32');
  parts.requireType(qzeros, 'I32', 'U32');
  return { qweight, qzeros, scales };
}

/** `zeroWords`: words that hold the zero points of a group. */
export async function checkGroups<T extends PartTensor>(
  parts: ModuleParts<T>,
  { qzeros, scales }: WordTensors<T>,
  sizes: Record<'rows' | 'columns' | 'group' | 'bits' | 'zeroWords', number>,
): Promise<void> {
  const { rows, columns, group, bits, zeroWords } = sizes;
  const groups = columns / group;
  const why = `${columns} inputs in groups of ${group}`;
  parts.requireShape(scales, [groups, rows], `${why} and ${rows} outputs of ${bits} bits`);
  parts.requireShape(qzeros, [groups, zeroWords], `${why} and zero points of ${bits} bits`);
  await parts.requireNumbers(scales);
}

/** Numbers that are stored [groups, rows] as [count, groups], for the rows asked for. */
export function fromColumns(
  bytes: Uint8Array,
  dtype: string,
  { first, count }: Pick<EncodedRows, 'first' | 'count'>,
  rows: number,
  groups: number,
): Float32Array {
  const out = new Float32Array(count * groups);
  const width = bytes.length / (groups * rows);
  for (let at = 0; at < groups; at++) {
    const start = (at * rows + first) * width;
    const numbers = numbersOf(bytes.subarray(start, start + count * width), dtype);
    for (let row = 0; row < count; row++) out[row * groups + at] = numbers[row]!;
  }
  return out;
}
