/**
 * GPTQ (arXiv:2210.17323) as AutoGPTQ and GPTQModel store it: integers packed along the inputs, zero points along the outputs.
 * The first version of the format stores each zero point minus one. With act-order, `g_idx` gives the group of each input.
 */
import type { Quantisation } from '../model-description';
import type { NumberFormat } from '../number-formats/number-format';
import { integerFormat, unpackRow } from './integer-matrix';
import type { ModuleParts, PartTensor } from './module-parts';
import { wordsOf } from './part-bytes';
import { axes, bitsOf, groupOf, type QuantisedMatrix } from './quantised-matrix';
import { checkGroups, fromColumns, wordTensors } from './words';

export async function gptqMatrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const words = wordTensors(parts);
  const { qweight, qzeros, scales } = words;
  const [lines, rows] = axes(parts, qweight);
  const order = parts.get('.g_idx');
  const own = order?.shape[0];
  const bits = own === undefined ? (quantisation.bits ?? 4) : bitsOf(quantisation, lines, own);
  const columns = own ?? Math.floor((lines * 32) / bits);
  parts.requireShape(qweight, [Math.ceil((columns * bits) / 32), rows], `${bits} bits for ${columns} inputs`);
  const group = groupOf(parts, quantisation, columns, scales.shape[0]);
  const groups = columns / group;
  await checkGroups(parts, words, { rows, columns, group, bits, zeroWords: Math.ceil((rows * bits) / 32) });
  if (order) parts.requireType(order, 'I32', 'U32');
  const indices = order && (await parts.groupsOf(order, groups, group));
  const zeroOffset = /^gptq_v2$/i.test(quantisation.form ?? '') ? 0 : 1;
  const highest = 2 ** bits - 1;
  const zeros = wordsOf(await parts.bytes(qzeros));
  return {
    shape: [rows, columns],
    format: gptqFormat({
      ...{ rows, columns, bits, group, zeroOffset, scaleType: scales.dtype },
      ...(indices ? { groupOf: indices } : {}),
      highZeros: zeroOffset === 1 && hasCode(zeros, groups, rows, bits, highest),
    }),
    parts: { ...words },
  };
}

/** Whether one of the codes, packed along lines of words, is `code`. */
function hasCode(words: Uint32Array, lines: number, count: number, bits: number, code: number): boolean {
  const each = words.length / lines;
  const line = new Uint8Array(count);
  for (let at = 0; at < lines; at++) {
    unpackRow(words, { first: at * each, bits, count }, line, 0);
    if (line.includes(code)) return true;
  }
  return false;
}

export interface GptqMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly group: number;
  /** What is added to a stored zero point. */
  readonly zeroOffset: 0 | 1;
  /** Some stored zero point is the highest code, so adding 1 to it needs another bit. */
  readonly highZeros?: boolean;
  readonly scaleType: string;
  readonly groupOf?: Int32Array;
}

export function gptqFormat(matrix: GptqMatrix): NumberFormat {
  const { rows, columns, bits, group, zeroOffset, highZeros = false, scaleType, groupOf } = matrix;
  const groups = Math.ceil(columns / group);
  /** [groups, rows], those of the last bytes asked for: rows are read a few at a time. */
  let last: { readonly bytes: Uint8Array; readonly zeros: Uint8Array } | undefined;
  const zerosOf = (bytes: Uint8Array): Uint8Array => {
    if (last?.bytes === bytes) return last.zeros;
    const words = wordsOf(bytes);
    const zeros = new Uint8Array(groups * rows);
    for (let at = 0; at < groups; at++) {
      unpackRow(words, { first: (at * words.length) / groups, bits, count: rows }, zeros, at * rows);
    }
    last = { bytes, zeros };
    return zeros;
  };
  return integerFormat({
    ...{ name: 'GPTQ', rows, columns, group, byRow: [], zeroPoints: 'stored' },
    recipe: { maker: 'gptq', of: matrix },
    bits: highZeros ? bits + 1 : bits,
    ...(groupOf ? { groupOf } : {}),
    codes: ({ parts, first, count }, into, stride) =>
      unpackColumns(wordsOf(parts['qweight']!), { rows, first, count, columns, bits }, into, stride),
    scales: (asked) => fromColumns(asked.parts['scales']!, scaleType, asked, rows, groups),
    zeros: ({ parts, first, count }) => {
      const zeros = zerosOf(parts['qzeros']!);
      const out = new Uint16Array(count * groups);
      for (let at = 0; at < groups; at++) {
        for (let row = 0; row < count; row++) out[row * groups + at] = zeros[at * rows + first + row]! + zeroOffset;
      }
      return out;
    },
  });
}

/** Integers packed down the columns of a table of words [words, rows]. */
function unpackColumns(
  words: Uint32Array,
  { rows, first, count, columns, bits }: Record<'rows' | 'first' | 'count' | 'columns' | 'bits', number>,
  into: Uint8Array,
  stride: number,
): void {
  const mask = 2 ** bits - 1;
  const isWhole = bits === 4 && columns % 8 === 0 && stride % 4 === 0;
  const fours = isWhole ? new Uint32Array(into.buffer, into.byteOffset, into.length >> 2) : undefined;
  for (let row = 0; fours && row < count; row++) {
    for (let word = 0; word < columns / 8; word++) {
      const eight = words[word * rows + first + row]!;
      const at = (row * stride) / 4 + 2 * word;
      fours[at] = spread(eight & 0xffff);
      fours[at + 1] = spread(eight >>> 16);
    }
  }
  for (let column = fours ? columns : 0; column < columns; column++) {
    const bit = column * bits;
    const shift = bit & 31;
    const start = (bit >>> 5) * rows + first;
    const crosses = shift + bits > 32;
    for (let row = 0; row < count; row++) {
      const low = words[start + row]! >>> shift;
      into[row * stride + column] = (crosses ? low | (words[start + rows + row]! << (32 - shift)) : low) & mask;
    }
  }
}

/** Four codes of 4 bits, one a byte. */
function spread(four: number): number {
  const pairs = (four & 0xff) | ((four & 0xff00) << 8);
  return (pairs | (pairs << 4)) & 0x0f0f0f0f;
}
