/** AWQ as the GEMM form of AutoAWQ packs it: of eight outputs, the even ones fill the lower half of a word. */
import { bitStream, floats, grouped, turned, words, type Matrix, type WrittenMatrix } from './matrix';

/** The output at each place of a word. */
const order = [0, 2, 4, 6, 1, 3, 5, 7];

function packed(values: Uint8Array, lines: number, rows: number): number[] {
  const out: number[] = [];
  for (let line = 0; line < lines; line++) {
    for (let first = 0; first < rows; first += 8) {
      let word = 0;
      order.forEach((output, place) => (word += (values[line * rows + first + output] ?? 0) * 2 ** (4 * place)));
      out.push(word);
    }
  }
  return out;
}

export function awqMatrix(matrix: Matrix, { group }: { readonly group: number }): WrittenMatrix {
  const { rows, columns } = matrix;
  const { codes, scales, zeros, groups, numbers } = grouped(matrix, { bits: 4, group });
  return {
    numbers,
    tensors: {
      '.qweight': words(packed(turned(codes, rows, columns), columns, rows), [columns, rows / 8]),
      '.qzeros': words(packed(turned(zeros, rows, groups), groups, rows), [groups, rows / 8]),
      '.scales': floats(turned(scales, rows, groups), [groups, rows], 'F16'),
    },
  };
}

/** The GEMV form: words along the inputs, in their order. `zerosWidth` words of a row hold zero points, and 8 times as many scales follow. */
export function awqRowMatrix(
  matrix: Matrix,
  { group, zerosWidth }: { readonly group: number; readonly zerosWidth: number },
): WrittenMatrix {
  const { rows, columns } = matrix;
  const { codes, scales, zeros, groups, numbers } = grouped(matrix, { bits: 4, group });
  const byRow = <T extends Uint8Array | Float64Array>(of: T): T[] =>
    Array.from({ length: rows }, (_, row) => of.slice(row * groups, (row + 1) * groups) as T);
  const padded = byRow(zeros).flatMap((line) =>
    bitStream([...line, ...new Array<number>(8 * zerosWidth - groups).fill(0)], 4),
  );
  const lines = byRow(scales).flatMap((line) => [...line, ...new Array<number>(8 * zerosWidth - groups).fill(0)]);
  return {
    numbers,
    tensors: {
      '.qweight': words(bitStream(codes, 4), [rows, columns / 8]),
      '.qzeros': words(padded, [rows, zerosWidth]),
      '.scales': floats(lines, [rows, 8 * zerosWidth], 'F16'),
    },
  };
}
