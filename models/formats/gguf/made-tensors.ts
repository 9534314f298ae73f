/** Tensors of a checkpoint that a GGUF file holds in another form: rows of several tensors, a transpose, or a function of its numbers. */
import { bfloat16, float16, float32 } from '../number-formats/floats';
import { ggufFormat } from '../number-formats/gguf-formats';
import { widened, type EncodedRows, type NumberFormat } from '../number-formats/number-format';

export interface MadeTensor {
  readonly parts: readonly MadePart[];
  /** Rows of the tensor, from first to last. Absent: all rows of each part in turn. */
  readonly rows?: readonly RowRange[];
  /** Columns of the tensor, from first to last, as ranges of those of the parts. Absent: in order. */
  readonly columns?: readonly ColumnRange[];
  /**
   * `logarithm`: numbers are ln(-x), where the file has the decay -exp(x) of a recurrence. `times`: they are those of the file times a power
   * of 2.
   */
  readonly numbers?: 'logarithm' | { readonly times: number };
}

interface MadePart {
  /** A tensor of the file. */
  readonly name: string;
  /** The file has the transpose of each item of its first axis: rows are the numbers of its last axis. */
  readonly transposed?: true;
}

/** Rows of a part; of a transposed one as they are after transposing. */
export interface RowRange {
  readonly part: number;
  readonly first: number;
  readonly count: number;
}

export interface ColumnRange {
  readonly first: number;
  readonly count: number;
}

/** A part as it lies in the file. */
export interface StoredPart {
  readonly type: string;
  readonly shape: readonly number[];
  readonly transposed?: true;
}

/** The number of rows and of columns that a part gives. */
export function axesOf({ shape, transposed }: Omit<StoredPart, 'type'>): {
  readonly rows: number;
  readonly columns: number;
} {
  const [last = 1, before = 1, ...outer] = shape.toReversed();
  const items = outer.reduce((product, axis) => product * axis, 1);
  return transposed ? { rows: items * last, columns: before } : { rows: items * before, columns: last };
}

export const wholeParts = (parts: readonly Omit<StoredPart, 'type'>[]): readonly RowRange[] =>
  parts.map((part, at) => ({ part: at, first: 0, count: axesOf(part).rows }));

const floats: Readonly<Record<string, NumberFormat>> = { F32: float32, F16: float16, BF16: bfloat16 };

export const partName = (part: number): string => `part ${part}`;

/** Undefined if the number format of a part is not read. Codes stay codes where all parts have the same and blocks stay whole. */
export function madeFormat(
  parts: readonly StoredPart[],
  rows: readonly RowRange[],
  { numbers, columns }: Pick<MadeTensor, 'numbers' | 'columns'> = {},
): NumberFormat | undefined {
  const formats = parts.map(({ type }) => ggufFormat(type) ?? floats[type]);
  const known = formats.filter((format) => format !== undefined);
  const [one] = known;
  if (known.length < formats.length || one === undefined) return undefined;
  const name = [...new Set(parts.map(({ type }) => type))].join(' and ');
  const sources = parts.map((part, at) => ({ ...part, ...axesOf(part), format: known[at] ?? one, name: partName(at) }));
  const { decoder } = one;
  const factor = typeof numbers === 'object' ? numbers.times : 1;
  const areCodes =
    decoder.kind === 'exact' &&
    numbers !== 'logarithm' &&
    (columns ?? []).every(({ first, count }) => first % decoder.form.block === 0 && count % decoder.form.block === 0) &&
    sources.every(({ format, transposed }) => format === one && transposed === undefined);
  if (!areCodes) {
    return {
      ...{ name, byRow: [] },
      decoder: {
        kind: 'wide',
        widen: (asked) => {
          const out = new Float32Array(asked.count * asked.columns);
          let at = 0;
          for (const range of within(rows, asked)) {
            const source = sources[range.part];
            if (source === undefined) continue;
            out.set(numbersOf(source, range, asked), at * asked.columns);
            at += range.count;
          }
          const placed = inColumns(out, columns, asked.columns, 1, Float32Array);
          // The smallest number has a logarithm, so that a decay of 0 is none at all rather than no number.
          if (factor !== 1) return placed.map((x) => x * factor);
          return numbers === 'logarithm' ? placed.map((x) => Math.log(Math.max(-x, Number.MIN_VALUE))) : placed;
        },
      },
    };
  }
  return {
    ...{ name, byRow: [] },
    decoder: {
      kind: 'exact',
      form: decoder.form,
      codes: (asked) => {
        const found = within(rows, asked).flatMap((range) => {
          const source = sources[range.part];
          if (source === undefined) return [];
          // A decoder overwrites its arrays at the next call.
          const { codes, scales, minima } = decoder.codes(rowsOf(source, range, asked));
          return [{ codes: codes.slice(), scales: times(scales, factor), minima: minima && times(minima, factor) }];
        });
        const minima = found.map((each) => each.minima).filter((each) => each !== undefined);
        const { block } = decoder.form;
        const placed = <T extends Rows>(values: readonly Rows[], each: number, make: new (length: number) => T): T =>
          inColumns(joined(values, make), columns, asked.columns / each, each, make);
        return {
          codes: placed(
            found.map(({ codes }) => codes),
            1,
            Uint8Array,
          ),
          scales: placed(
            found.map(({ scales }) => scales),
            block,
            Float64Array,
          ),
          ...(minima.length === 0 ? {} : { minima: placed(minima, block, Float32Array) }),
        };
      },
    },
  };
}

type Rows = Uint8Array | Float32Array | Float64Array;

/** A copy. */
const times = <T extends Float32Array | Float64Array>(values: T, factor: number): T =>
  (factor === 1 ? values.slice() : values.map((x) => x * factor)) as T;

type Source = StoredPart & {
  readonly name: string;
  readonly format: NumberFormat;
  readonly rows: number;
  readonly columns: number;
};

/** The ranges that rows [first, first + count) of the tensor lie in. */
function within(ranges: readonly RowRange[], { first, count }: EncodedRows): readonly RowRange[] {
  const found: RowRange[] = [];
  let at = 0;
  for (const range of ranges) {
    const [from, to] = [Math.max(first, at), Math.min(first + count, at + range.count)];
    if (from < to) found.push({ part: range.part, first: range.first + from - at, count: to - from });
    at += range.count;
    if (at >= first + count) break;
  }
  return found;
}

/** The only part of a format of ggml is called `blocks`, and that of floats `values`. */
function rowsOf({ format, name, rows, columns }: Source, { first, count }: RowRange, asked: EncodedRows): EncodedRows {
  const bytes = asked.parts[name] ?? new Uint8Array();
  const width = bytes.length / rows;
  const part = format.byRow[0] ?? '';
  return { rows, columns, first, count, parts: { [part]: bytes.subarray(first * width, (first + count) * width) } };
}

function numbersOf(source: Source, range: RowRange, asked: EncodedRows): Float32Array {
  if (source.transposed === undefined) return widened(source.format, rowsOf(source, range, asked));
  const { shape, rows, columns } = source;
  const last = shape.at(-1) ?? 1;
  const stored = { ...source, rows: (rows / last) * columns, columns: last };
  const all = widened(source.format, rowsOf(stored, { part: 0, first: 0, count: stored.rows }, asked));
  return Float32Array.from({ length: range.count * columns }, (_, at) => {
    const row = range.first + Math.floor(at / columns);
    const item = Math.floor(row / last);
    return all[(item * columns + (at % columns)) * last + (row % last)] ?? NaN;
  });
}

/** Rows of `width` values, of which each stands for `each` columns, with the columns in another order. */
function inColumns<T extends Rows>(
  values: T,
  columns: readonly ColumnRange[] | undefined,
  width: number,
  each: number,
  make: new (length: number) => T,
): T {
  if (columns === undefined) return values;
  const out = new make(values.length);
  for (let row = 0; row < values.length; row += width) {
    let at = row;
    for (const { first, count } of columns) {
      out.set(values.subarray(row + first / each, row + (first + count) / each), at);
      at += count / each;
    }
  }
  return out;
}

function joined<T extends Rows>(arrays: readonly ArrayLike<number>[], make: new (length: number) => T): T {
  const out = new make(arrays.reduce((sum, { length }) => sum + length, 0));
  arrays.reduce((at, array) => (out.set(array, at), at + array.length), 0);
  return out;
}
