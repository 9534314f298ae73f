/**
 * How the numbers of a tensor are encoded if they are not plain floats: blocks of integers with scales, tables, packed words. A format says
 * what each number is, as its publisher defines it, and changes none.
 */
import { unreachable } from '../../unreachable';

/** Rows of a tensor as a decoder gets them: its last axis is `columns`, all axes before it are `rows`. */
export interface EncodedRows {
  /** By name. Parts in `byRow` hold `count` rows from row `first` on; the others are whole. */
  readonly parts: Readonly<Record<string, Uint8Array>>;
  readonly first: number;
  readonly count: number;
  /** Rows of the whole tensor. */
  readonly rows: number;
  readonly columns: number;
}

/** The codes of a format, known before a byte is read. */
export interface ExactForm {
  /** Bits that hold a code. Codes of 2 and 3 bits are held in 4: onnxruntime has no kernel that multiplies 2 bits by floats. */
  readonly bits: 4 | 8;
  /** Columns that share a scale. */
  readonly block: 16 | 32 | 64 | 128 | 256;
  /** The code of the number 0: the middle of the codes, 2^(bits - 1); a stored one for each block; or 0. */
  readonly zeroPoints: 'middle' | 'stored' | 0;
  /** Each block has a minimum that is subtracted from its numbers, and which is not a whole number of scales. */
  readonly minima: boolean;
  /** The columns of the codes are in another order (`order`). */
  readonly ordered?: true;
}

/** Rows of codes: a number is scale x (code - zero point) - minimum, rounded once to float32. */
export interface ExactRows {
  /** [count, blocks x block], one a byte; codes after the last column are ignored. */
  readonly codes: Uint8Array;
  /** [count, blocks]; in float64 if they are products with more digits than float32. */
  readonly scales: Float32Array | Float64Array;
  /** [count, blocks], one a byte, where they are stored. */
  readonly zeroPoints?: Uint8Array;
  /** [count, blocks], where the form has them. */
  readonly minima?: Float32Array;
}

/** Integers with scales, exactly. */
interface ExactDecoder {
  readonly kind: 'exact';
  readonly form: ExactForm;
  /** The arrays are overwritten by the next call: rows are decoded a few at a time, and an array for each call would be collected. */
  codes(rows: EncodedRows): ExactRows;
  /** If the form is ordered: the column of the tensor for each column of the codes. */
  order?(rows: Omit<EncodedRows, 'first' | 'count'>): Int32Array;
}

/** Numbers of float16, and scales that are multiplied separately. */
interface HalfDecoder {
  readonly kind: 'halves';
  /** Rows and columns that share a scale. */
  readonly block: readonly [rows: number, columns: number];
  /** [count, columns], the bits of float16. */
  halves(rows: EncodedRows): Uint16Array;
  /** [blocks of rows, blocks of columns] of the whole tensor. */
  scales(parts: EncodedRows['parts']): Float32Array;
  widen(rows: EncodedRows): Float32Array;
}

/** The tables of 16 numbers that MatMulBnb4 has. */
export type NumberTable = 'NF4' | 'FP4';

/** Codes of 4 bits for the numbers of a table, and the size of each block of columns. */
interface TableDecoder {
  readonly kind: 'table';
  readonly table: NumberTable;
  /** Columns that share a size; it divides the columns. */
  readonly block: number;
  codes(rows: EncodedRows): TableRows;
  widen(rows: EncodedRows): Float32Array;
}

interface TableRows {
  /** [count, columns / 2], the first of two in the upper half. */
  readonly codes: Uint8Array;
  /** [count, columns / block] */
  readonly sizes: Float32Array;
}

/** Numbers of any other kind: they are held in float32. */
interface WideDecoder {
  readonly kind: 'wide';
  /** [count, columns], each computed by its definition in float64 and rounded to float32. */
  widen(rows: EncodedRows): Float32Array;
}

export interface NumberFormat {
  /** As its publisher writes it: `Q4_K`. */
  readonly name: string;
  /** Names of the parts that are stored row by row, with the same number of bytes for each row. */
  readonly byRow: readonly string[];
  readonly decoder: ExactDecoder | HalfDecoder | TableDecoder | WideDecoder;
  /** Absent: it is used in the thread that made it alone. */
  readonly recipe?: FormatRecipe;
}

/** How another thread makes the same format, as functions do not pass between threads. */
export interface FormatRecipe {
  readonly maker: 'gguf' | 'awq' | 'gptq' | 'packed integers' | 'signed bytes' | 'mlx';
  /** What the maker is given; it can be cloned. */
  readonly of: unknown;
}

const blocksIn = (columns: number, { block }: Pick<ExactForm, 'block'>): number => Math.ceil(columns / block);

/** The zero point of every block, if all have the same. */
const zeroPointOf = ({ bits, zeroPoints }: ExactForm): number | undefined =>
  zeroPoints === 'stored' ? undefined : zeroPoints === 'middle' ? 2 ** (bits - 1) : zeroPoints;

/** The numbers of rows as float32, [count, columns]. */
export function widened({ decoder }: NumberFormat, rows: EncodedRows): Float32Array {
  switch (decoder.kind) {
    case 'wide':
    case 'halves':
    case 'table':
      return decoder.widen(rows);
    case 'exact':
      return widenedCodes(decoder, rows);
    default:
      return unreachable(decoder);
  }
}

function widenedCodes(decoder: ExactDecoder, rows: EncodedRows): Float32Array {
  const { form } = decoder;
  const { count, columns } = rows;
  const { codes, scales, zeroPoints, minima } = decoder.codes(rows);
  const order = form.ordered ? decoder.order?.(rows) : undefined;
  const blocks = blocksIn(columns, form);
  const middle = zeroPointOf(form) ?? 0;
  const out = new Float32Array(count * columns);
  for (let row = 0; row < count; row++) {
    for (let block = 0; block < blocks; block++) {
      const at = row * blocks + block;
      const scale = scales[at]!;
      const zero = zeroPoints ? zeroPoints[at]! : middle;
      const minimum = minima ? minima[at]! : 0;
      const first = block * form.block;
      const end = Math.min(columns, first + form.block);
      const shift = at * form.block - first;
      for (let i = first; i < end; i++) {
        out[row * columns + (order ? order[i]! : i)] = scale * (codes[i + shift]! - zero) - minimum;
      }
    }
  }
  return out;
}

/** Arrays of a decoder, the same again if they have the length. */
export class ReusedArrays {
  private readonly bytes = new Map<string, Uint8Array>();
  private readonly floats = new Map<string, Float32Array>();

  /** Not cleared. */
  uint8(name: string, length: number): Uint8Array {
    const known = this.bytes.get(name);
    if (known?.length === length) return known;
    const made = new Uint8Array(length);
    this.bytes.set(name, made);
    return made;
  }

  /** Not cleared. */
  float32(name: string, length: number): Float32Array {
    const known = this.floats.get(name);
    if (known?.length === length) return known;
    const made = new Float32Array(length);
    this.floats.set(name, made);
    return made;
  }
}
