/**
 * A matrix with what a LoRA adapter adds (arXiv:2106.09685): W + scaling B A, [outputs, inputs]; with magnitudes (DoRA,
 * arXiv:2402.09353) the weights of each output are brought to a learned length. In float64, rounded once to float32, whatever W is
 * stored as.
 */
import { widened, type EncodedRows, type NumberFormat } from '../number-formats/number-format';
import { numbersOf } from '../quantised/part-bytes';

export interface AdaptedMatrix {
  readonly base: NumberFormat;
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly scaling: number;
  /** The rows of the tensor are its inputs (GPT-2, embeddings). */
  readonly byInputs: boolean;
  /** Which row of the adapter's second matrix belongs to a row of the tensor; absent: the same. */
  readonly rowOrder?: (row: number) => number;
  /** Dtypes of the parts `adapterA` [rank, inputs], `adapterB` [outputs, rank] and `magnitudes` [outputs]. */
  readonly types: { readonly a: string; readonly b: string; readonly magnitudes?: string };
}

export function adaptedFormat(matrix: AdaptedMatrix): NumberFormat {
  const { base, byInputs, types } = matrix;
  const width = byInputs ? matrix.outputs : matrix.inputs;
  // Lengths of columns need all rows.
  const isWhole = byInputs && types.magnitudes !== undefined;
  const ofColumns = new WeakMap<Uint8Array, Float64Array>();
  return {
    name: `${base.name} + LoRA`,
    byRow: isWhole ? [] : base.byRow,
    decoder: {
      kind: 'wide',
      widen: (asked) => {
        const magnitudes =
          types.magnitudes === undefined ? undefined : numbersOf(asked.parts['magnitudes']!, types.magnitudes);
        const all = isWhole ? rowsOf(base, asked) : undefined;
        const rows = all ? all(asked.first, asked.count) : asked;
        const sums = sumsOf(matrix, rows);
        const out = new Float32Array(sums.length);
        if (all && magnitudes) {
          const key = asked.parts['adapterA']!;
          const squares = ofColumns.get(key) ?? columnSquares(matrix, asked.rows, width, all);
          ofColumns.set(key, squares);
          const factors = squares.map((square, i) => magnitudes[i]! / Math.sqrt(square));
          for (let i = 0; i < sums.length; i++) out[i] = factors[i % width]! * sums[i]!;
          return out;
        }
        for (let row = 0; row < rows.count; row++) {
          const line = sums.subarray(row * width, (row + 1) * width);
          let factor = 1;
          if (magnitudes) {
            let square = 0;
            for (let i = 0; i < width; i++) square += line[i]! ** 2;
            factor =
              magnitudes[matrix.rowOrder ? matrix.rowOrder(rows.first + row) : rows.first + row]! / Math.sqrt(square);
          }
          for (let i = 0; i < width; i++) out[row * width + i] = factor * line[i]!;
        }
        return out;
      },
    },
  };
}

/** Rows of parts that are there as a whole. */
function rowsOf({ byRow }: NumberFormat, asked: EncodedRows): (first: number, count: number) => EncodedRows {
  return (first, count) => {
    const parts = Object.entries(asked.parts).map(([name, bytes]) => {
      const size = bytes.length / asked.rows;
      return [name, byRow.includes(name) ? bytes.subarray(first * size, (first + count) * size) : bytes] as const;
    });
    return { ...asked, parts: Object.fromEntries(parts), first, count };
  };
}

/** Rows that are summed at once for the lengths of columns. */
const atOnce = 1024;

function columnSquares(
  matrix: AdaptedMatrix,
  rows: number,
  width: number,
  all: (first: number, count: number) => EncodedRows,
): Float64Array {
  const squares = new Float64Array(width);
  for (let first = 0; first < rows; first += atOnce) {
    const sums = sumsOf(matrix, all(first, Math.min(atOnce, rows - first)));
    for (let i = 0; i < sums.length; i++) squares[i % width]! += sums[i]! ** 2;
  }
  return squares;
}

/** W + scaling B A of some rows of the tensor. */
function sumsOf(matrix: AdaptedMatrix, asked: EncodedRows): Float64Array {
  const { base, rank, inputs, outputs, scaling, byInputs, types, rowOrder } = matrix;
  const { parts, first, count } = asked;
  const [a, b] = [numbersOf(parts['adapterA']!, types.a), numbersOf(parts['adapterB']!, types.b)];
  const wide = widened(base, asked);
  const [width, factors, lines] = byInputs ? [outputs, a, turned(b, outputs, rank)] : [inputs, b, a];
  const added = new Float64Array(width);
  const out = new Float64Array(count * width);
  for (let row = 0; row < count; row++) {
    const at = rowOrder ? rowOrder(first + row) : first + row;
    const factor = (k: number): number =>
      k >= rank ? 0 : byInputs ? factors[k * inputs + at]! : factors[at * rank + k]!;
    added.fill(0);
    // Four at a time: the sums are read and written a quarter as often.
    for (let k = 0; k < rank; k += 4) {
      const [f0, f1, f2, f3] = [factor(k), factor(k + 1), factor(k + 2), factor(k + 3)];
      const l0 = k * width;
      const l1 = Math.min(k + 1, rank - 1) * width;
      const l2 = Math.min(k + 2, rank - 1) * width;
      const l3 = Math.min(k + 3, rank - 1) * width;
      for (let i = 0; i < width; i++)
        added[i]! += f0 * lines[l0 + i]! + f1 * lines[l1 + i]! + f2 * lines[l2 + i]! + f3 * lines[l3 + i]!;
    }
    const start = row * width;
    for (let i = 0; i < width; i++) out[start + i] = wide[start + i]! + scaling * added[i]!;
  }
  return out;
}

/** [rows, columns] as [columns, rows]. */
function turned(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = matrix[row * columns + column]!;
  return out;
}

/** A table with some of its rows replaced: part `tokens` [ids, width]. */
export function withRows(base: NumberFormat, ids: readonly number[], type: string): NumberFormat {
  const at = new Map(ids.map((id, row) => [id, row]));
  return {
    name: `${base.name} + tokens`,
    byRow: base.byRow,
    decoder: {
      kind: 'wide',
      widen: (asked) => {
        const out = widened(base, asked);
        const { first, count, columns } = asked;
        const rows = numbersOf(asked.parts['tokens']!, type);
        for (let row = 0; row < count; row++) {
          const own = at.get(first + row);
          if (own !== undefined) out.set(rows.subarray(own * columns, (own + 1) * columns), row * columns);
        }
        return out;
      },
    },
  };
}

/** A float matrix whose rows are in another order than in its file, part `values`: row `i` is the stored row `stored(i)`. */
export const reorderedRows = (dtype: string, stored: (row: number) => number): NumberFormat => ({
  name: `${dtype}, reordered`,
  byRow: [],
  decoder: {
    kind: 'wide',
    widen: ({ parts, first, count, columns }) => {
      const all = numbersOf(parts['values']!, dtype);
      const out = new Float32Array(count * columns);
      for (let row = 0; row < count; row++) {
        const at = stored(first + row) * columns;
        out.set(all.subarray(at, at + columns), row * columns);
      }
      return out;
    },
  },
});
