/**
 * Matrices of integers with a scale for each group of inputs, as a number format: codes that MatMulNBits multiplies if its blocks divide
 * the groups, else widened numbers. A number is scale x (code - zero point) - minimum.
 */
import {
  ReusedArrays,
  type EncodedRows,
  type ExactForm,
  type FormatRecipe,
  type NumberFormat,
} from '../number-formats/number-format';

export interface IntegerMatrix {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Codes and zero points are below 2^bits. */
  readonly bits: number;
  /** Columns that share a scale. */
  readonly group: number;
  readonly byRow: readonly string[];
  readonly recipe?: FormatRecipe;
  /** `middle`: half of 2^bits. */
  readonly zeroPoints: 'middle' | 'stored' | 'none';
  /** The group of each column, if groups are not runs of columns. */
  readonly groupOf?: Int32Array;
  /** Writes the codes of the rows asked for, one a byte, a row every `stride` bytes. */
  codes(asked: EncodedRows, into: Uint8Array, stride: number): void;
  /** [count, groups] */
  scales(asked: EncodedRows): Float32Array | Float64Array;
  /** [count, groups], where they are stored. */
  zeros?(asked: EncodedRows): Uint16Array;
  /** [count, groups] */
  minima?(asked: EncodedRows): Float32Array;
}

const blockSizes = [256, 128, 64, 32, 16] as const;

export function integerFormat(matrix: IntegerMatrix): NumberFormat {
  const { name, byRow, group, columns } = matrix;
  const recipe = matrix.recipe && { recipe: matrix.recipe };
  const block = blockFor(group, columns);
  const bits = ([4, 8] as const).find((each) => each >= matrix.bits);
  const order = matrix.groupOf === undefined ? undefined : orderOf(matrix.groupOf, group);
  if (block === undefined || bits === undefined || order === 'uneven') {
    return { name, byRow, ...recipe, decoder: { kind: 'wide', widen: (asked) => widen(matrix, asked) } };
  }
  const zeroPoints =
    matrix.zeroPoints === 'none'
      ? 0
      : matrix.zeroPoints === 'middle' && bits === matrix.bits
        ? 'middle'
        : ('stored' as const);
  const arrays = new ReusedArrays();
  const form: ExactForm = {
    bits,
    block,
    zeroPoints,
    minima: matrix.minima !== undefined,
    ...(order === undefined ? {} : { ordered: true }),
  };
  return {
    name,
    byRow,
    ...recipe,
    decoder: {
      kind: 'exact',
      form,
      codes: (asked) => {
        const blocks = Math.ceil(columns / block);
        const stride = blocks * block;
        const natural = arrays.uint8('codes', asked.count * stride);
        matrix.codes(asked, natural, stride);
        const perBlock = <T extends Uint8Array | Float32Array | Float64Array>(of: ArrayLike<number>, into: T): T => {
          const groups = of.length / asked.count;
          for (let row = 0; row < asked.count; row++) {
            for (let at = 0; at < blocks; at++) {
              into[row * blocks + at] = of[row * groups + Math.min(groups - 1, Math.floor((at * block) / group))] ?? 0;
            }
          }
          return into;
        };
        const count = asked.count * blocks;
        const zeros = matrix.zeros?.(asked);
        const minima = matrix.minima?.(asked);
        const scales = matrix.scales(asked);
        return {
          codes: order === undefined ? natural : ordered(natural, order, asked.count, stride),
          scales: perBlock(
            scales,
            scales instanceof Float64Array ? new Float64Array(count) : arrays.float32('scales', count),
          ),
          ...(zeroPoints !== 'stored'
            ? {}
            : {
                zeroPoints: zeros
                  ? perBlock(zeros, arrays.uint8('zeros', count))
                  : new Uint8Array(count).fill(2 ** (matrix.bits - 1)),
              }),
          ...(minima ? { minima: perBlock(minima, arrays.float32('minima', count)) } : {}),
        };
      },
      ...(order === undefined ? {} : { order: () => order }),
    },
  };
}

/** The largest block whose numbers share a scale. */
function blockFor(group: number, columns: number): (typeof blockSizes)[number] | undefined {
  if (group >= columns) return blockSizes.find((size) => size <= columns) ?? 16;
  return blockSizes.find((size) => group % size === 0);
}

/** Columns in the order of their groups, so that each group is a run; `uneven` if the groups do not have equal sizes. */
function orderOf(groupOf: Int32Array, group: number): Int32Array | 'uneven' | undefined {
  if (groupOf.every((of, column) => of === Math.floor(column / group))) return undefined;
  const next = new Int32Array(Math.ceil(groupOf.length / group)).map((_, at) => at * group);
  const order = new Int32Array(groupOf.length);
  for (let column = 0; column < groupOf.length; column++) {
    const of = groupOf[column] ?? 0;
    const at = next[of] ?? groupOf.length;
    if (at >= Math.min(groupOf.length, (of + 1) * group)) return 'uneven';
    order[at] = column;
    next[of] = at + 1;
  }
  return order;
}

function ordered(codes: Uint8Array, order: Int32Array, count: number, stride: number): Uint8Array {
  const out = new Uint8Array(codes.length);
  for (let row = 0; row < count; row++) {
    const start = row * stride;
    for (let at = 0; at < order.length; at++) out[start + at] = codes[start + order[at]!]!;
  }
  return out;
}

function widen(matrix: IntegerMatrix, asked: EncodedRows): Float32Array {
  const { columns, group, bits, zeroPoints, groupOf } = matrix;
  const { count } = asked;
  const codes = new Uint8Array(count * columns);
  matrix.codes(asked, codes, columns);
  const scales = matrix.scales(asked);
  const zeros = matrix.zeros?.(asked);
  const minima = matrix.minima?.(asked);
  const middle = zeroPoints === 'none' ? 0 : 2 ** (bits - 1);
  const groups = scales.length / Math.max(1, count);
  const out = new Float32Array(codes.length);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * groups + (groupOf ? groupOf[column]! : Math.floor(column / group));
      const i = row * columns + column;
      out[i] = scales[at]! * (codes[i]! - (zeros ? zeros[at]! : middle)) - (minima ? minima[at]! : 0);
    }
  }
  return out;
}

/** Reads integers of `bits` bits along a row of words, from the lowest bit on. An integer may continue in the next word. */
export function unpackRow(
  words: Uint32Array,
  { first, bits, count, perWord }: { first: number; bits: number; count: number; perWord?: number },
  into: Uint8Array,
  at: number,
): void {
  const mask = 2 ** bits - 1;
  // Either a word holds a whole number of integers and the rest is empty, or all words are one stream of bits.
  const each = perWord ?? (32 % bits === 0 ? 32 / bits : undefined);
  if (each !== undefined) {
    for (let i = 0, word = first; i < count; word++) {
      const most = Math.min(count, i + each);
      for (let own = words[word]!; i < most; i++, own >>>= bits) into[at + i] = own & mask;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    const bit = i * bits;
    const word = first + (bit >>> 5);
    const shift = bit & 31;
    const low = words[word]! >>> shift;
    into[at + i] = (shift + bits > 32 ? low | (words[word + 1]! << (32 - shift)) : low) & mask;
  }
}
