/** AWQ (arXiv:2306.00978) as the GEMM form of AutoAWQ stores it: integers of 4 bits, eight outputs in a word, in an order of their own. */
import type { Quantisation } from '../model-description';
import type { NumberFormat } from '../number-formats/number-format';
import { integerFormat } from './integer-matrix';
import type { ModuleParts, PartTensor } from './module-parts';
import { wordsOf } from './part-bytes';
import { axes, groupOf, type QuantisedMatrix } from './quantised-matrix';
import { checkGroups, fromColumns, wordTensors } from './words';

/** The lowest bit of each of the eight outputs in a word: even outputs come first. */
const shifts = [0, 16, 4, 20, 8, 24, 12, 28];

export async function awqMatrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const words = wordTensors(parts);
  const [columns, perLine] = axes(parts, words.qweight);
  const rows = 8 * perLine;
  const group = groupOf(parts, quantisation, columns);
  await checkGroups(parts, words, { rows, columns, group, bits: 4, zeroWords: perLine });
  return {
    shape: [rows, columns],
    format: awqFormat({ rows, columns, group, scaleType: words.scales.dtype }),
    parts: { ...words },
  };
}

export interface AwqMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly group: number;
  readonly scaleType: string;
}

export function awqFormat(matrix: AwqMatrix): NumberFormat {
  const { rows, columns, group, scaleType } = matrix;
  const groups = Math.ceil(columns / group);
  const perLine = rows / 8;
  return integerFormat({
    ...{ name: 'AWQ', rows, columns, bits: 4, group, byRow: [], zeroPoints: 'stored' },
    recipe: { maker: 'awq', of: matrix },
    codes: ({ parts, first, count }, into, stride) => {
      const words = wordsOf(parts['qweight']!);
      const isWhole = first % 8 === 0 && count % 8 === 0 && stride % 4 === 0;
      const done = isWhole ? unpackFours(words, { perLine, first, count, columns }, into, stride) : 0;
      for (let column = done; column < columns; column++) {
        for (let row = 0; row < count; row++) {
          const output = first + row;
          into[row * stride + column] = (words[column * perLine + (output >>> 3)]! >>> shifts[output & 7]!) & 15;
        }
      }
    },
    scales: (asked) => fromColumns(asked.parts['scales']!, scaleType, asked, rows, groups),
    zeros: ({ parts, first, count }) => {
      const words = wordsOf(parts['qzeros']!);
      const out = new Uint16Array(count * groups);
      for (let at = 0; at < groups; at++) {
        for (let row = 0; row < count; row++) {
          const output = first + row;
          out[row * groups + at] = (words[at * perLine + (output >>> 3)]! >>> shifts[output & 7]!) & 15;
        }
      }
      return out;
    },
  });
}

/**
 * The codes of four columns at a time, each output by one word of the result: bytes of the four words are transposed. Gives the number of
 * columns that are done.
 */
function unpackFours(
  words: Uint32Array,
  { perLine, first, count, columns }: Record<'perLine' | 'first' | 'count' | 'columns', number>,
  into: Uint8Array,
  stride: number,
): number {
  const fours = new Uint32Array(into.buffer, into.byteOffset, into.length >> 2);
  const line = stride >> 2;
  const done = columns & ~3;
  for (let row = 0; row < count; row += 8) {
    const word = (first + row) >> 3;
    for (let column = 0; column < done; column += 4) {
      const from = column * perLine + word;
      const a = words[from]!;
      const b = words[from + perLine]!;
      const c = words[from + 2 * perLine]!;
      const d = words[from + 3 * perLine]!;
      const to = row * line + (column >> 2);
      // Outputs 0, 1, 4, 5 lie in the low halves of bytes, the others in the high halves.
      for (let half = 0; half < 2; half++) {
        const shift = 4 * half;
        const one = (a >>> shift) & 0x0f0f0f0f;
        const two = (b >>> shift) & 0x0f0f0f0f;
        const three = (c >>> shift) & 0x0f0f0f0f;
        const four = (d >>> shift) & 0x0f0f0f0f;
        const even = (one & 0x00ff00ff) | ((two & 0x00ff00ff) << 8);
        const odd = ((one >>> 8) & 0x00ff00ff) | (two & 0x0f000f00);
        const evenBehind = (three & 0x00ff00ff) | ((four & 0x00ff00ff) << 8);
        const oddBehind = ((three >>> 8) & 0x00ff00ff) | (four & 0x0f000f00);
        const at = to + 2 * half * line;
        fours[at] = (even & 0xffff) | (evenBehind << 16);
        fours[at + line] = (even >>> 16) | (evenBehind & 0xffff0000);
        fours[at + 4 * line] = (odd & 0xffff) | (oddBehind << 16);
        fours[at + 5 * line] = (odd >>> 16) | (oddBehind & 0xffff0000);
      }
    }
  }
  return done;
}
