/** The bytes of encoded tensors in a piece: their codes as MatMulNBits reads them, or their numbers as float32. */
import { blocksOf, zeroPointBytes } from '../../../kernels/graph/operators/matrix';
import type { EncodedRows } from '../../../models/formats/number-formats/number-format';
import { FailureError } from '../../../protocol/wire/failures';
import { bytesOf, type Append } from './append';
import type { CodedMatrix, CodedRows, WidenedTensor } from './piece-layout';
import { storedAxes, type Encoded, type TensorSource } from './tensor-source';

/** How many numbers are read at once; a row is never divided. */
export const atOnce = 2 ** 20;

/** How many numbers are decoded and packed at once, so that they stay in the caches of a processor. */
const inCache = 2 ** 15;

/** A multiple of 8 where it can be, as AWQ stores eight rows in a word. */
export function rowsWithin(numbers: number, columns: number): number {
  const rows = Math.max(1, Math.floor(numbers / columns));
  return rows < 8 ? rows : rows - (rows % 8);
}

/** Takes bits [shift, shift + 4) of each code, which is a byte, and packs two to a byte, the first in the low half. */
function packHalves(codes: Uint8Array, shift: 0 | 4, bytes: Uint8Array): void {
  if (codes.byteOffset % 4 !== 0 || codes.length % 4 !== 0 || bytes.byteOffset % 2 !== 0) {
    for (let i = 0; i < codes.length; i += 2) {
      const second = i + 1 < codes.length ? (codes[i + 1]! >> shift) & 15 : 0;
      bytes[i >> 1] = ((codes[i]! >> shift) & 15) | (second << 4);
    }
    return;
  }
  // Four at a time: most of the time that opening takes was spent in this loop.
  const fours = new Uint32Array(codes.buffer, codes.byteOffset, codes.length / 4);
  const pairs = new Uint16Array(bytes.buffer, bytes.byteOffset, codes.length / 4);
  for (let i = 0; i < fours.length; i++) {
    const four = (fours[i]! >>> shift) & 0x0f0f0f0f;
    const two = (four | (four >>> 4)) & 0x00ff00ff;
    pairs[i] = two | (two >>> 8);
  }
}

/** Packs codes, one a byte, into `bits` bits each. */
function packBits(codes: Uint8Array, bits: 4 | 8, shift: 0 | 4, bytes: Uint8Array): void {
  if (bits === 8) bytes.set(codes);
  else packHalves(codes, shift, bytes);
}

/** Fails if one is infinite or NaN, since every result of a run would then be NaN. */
export function requireNumbers(numbers: Float32Array, what: string, { name, location }: Encoded): void {
  // 0 times a number is 0, unless it is infinite or NaN. Four sums do not wait for each other.
  let [one, two, three, four] = [0, 0, 0, 0];
  const whole = numbers.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    one += 0 * numbers[i]!;
    two += 0 * numbers[i + 1]!;
    three += 0 * numbers[i + 2]!;
    four += 0 * numbers[i + 3]!;
  }
  for (let i = whole; i < numbers.length; i++) one += 0 * numbers[i]!;
  if (one + two + three + four === 0) return;
  throw new FailureError({
    code: 'runtime-failed',
    detail: `${name} has ${what} that is not a finite number, so ${location} is damaged. Fetch it again.`,
  });
}

/** Rows [from, from + count) of the rows that were read. */
function someRows(rows: EncodedRows, byRow: readonly string[], from: number, count: number): EncodedRows {
  const parts = Object.entries(rows.parts).map(([name, bytes]) => {
    const width = bytes.length / rows.count;
    return [name, byRow.includes(name) ? bytes.subarray(from * width, (from + count) * width) : bytes] as const;
  });
  return { ...rows, parts: Object.fromEntries(parts), first: rows.first + from, count };
}

/** What is written behind the values of all rows. */
interface Behind {
  readonly lowValues: Uint8Array;
  readonly scales: Float32Array;
  readonly minima: Float32Array;
  readonly zeroPoints: Uint8Array;
  readonly lowZeroPoints: Uint8Array;
}

export async function codedMatrix(matrix: CodedMatrix, source: TensorSource, append: Append): Promise<void> {
  const { of, form, columns, parts } = matrix;
  const { low } = parts;
  const rows = of.reduce((sum, one) => sum + one.rows, 0);
  const blocks = blocksOf(columns, form.block);
  const bits = low ? 4 : form.bits;
  const perRow = zeroPointBytes(blocks, bits);
  const rowBytes = (blocks * form.block * bits) / 8;
  const behind: Behind = {
    lowValues: new Uint8Array(low ? rows * rowBytes : 0),
    scales: new Float32Array(rows * blocks),
    minima: new Float32Array(parts.minima ? rows * blocks : 0),
    zeroPoints: new Uint8Array(parts.zeroPoints ? rows * perRow : 0),
    lowZeroPoints: new Uint8Array(low ? rows * perRow : 0),
  };
  let above = 0;
  for (const one of of) {
    await codedRows(matrix, one, above, source, append, behind);
    above += one.rows;
  }
  await append(bytesOf(behind.scales), parts.scales.offset);
  if (parts.zeroPoints) await append(behind.zeroPoints, parts.zeroPoints.offset);
  if (low) {
    await append(behind.lowValues, low.values.offset);
    await append(behind.lowZeroPoints, low.zeroPoints.offset);
  }
  if (parts.minima) await append(bytesOf(behind.minima), parts.minima.offset);
  if (parts.order) {
    const { tensor } = of[0]!;
    const { decoder, name } = tensor.encoded.format;
    const whole = { ...storedAxes(tensor), parts: await source.wholeParts(tensor) };
    const order = decoder.kind === 'exact' ? decoder.order?.(whole) : undefined;
    if (!order) throw new RangeError(`${name} has no order of columns`);
    await append(bytesOf(order), parts.order.offset);
  }
}

/** Writes the values of the rows of one tensor, of which `above` come before, and puts into `behind` what else they have. */
async function codedRows(
  { form, columns, parts }: CodedMatrix,
  { tensor, firstRow, rows }: CodedRows,
  above: number,
  source: TensorSource,
  append: Append,
  { lowValues, scales, minima, zeroPoints, lowZeroPoints }: Behind,
): Promise<void> {
  const { decoder, name, byRow } = tensor.encoded.format;
  if (decoder.kind !== 'exact') throw new RangeError(`${name} has no codes`);
  const { block } = form;
  const { low } = parts;
  const bits = low ? 4 : form.bits;
  const shift = low ? 4 : 0;
  const blocks = blocksOf(columns, block);
  const rowBytes = (blocks * block * bits) / 8;
  const perRow = zeroPointBytes(blocks, bits);
  const most = Math.min(rows, rowsWithin(atOnce, columns));
  // A decoder unpacks parts that belong to all rows at each call, so then rows are not divided further.
  const near = Object.keys(tensor.encoded.parts).every((part) => byRow.includes(part))
    ? rowsWithin(inCache, columns)
    : most;
  const values = new Uint8Array(most * rowBytes);
  for (let row = 0; row < rows; row += most) {
    const count = Math.min(most, rows - row);
    const read = await source.rows(tensor, firstRow + row, count);
    for (let from = 0; from < count; from += near) {
      const at = above + row + from;
      const some = decoder.codes(someRows(read, byRow, from, Math.min(near, count - from)));
      packBits(some.codes, bits, shift, values.subarray(from * rowBytes));
      if (low) packBits(some.codes, bits, 0, lowValues.subarray(at * rowBytes));
      scales.set(some.scales, at * blocks);
      if (some.minima) minima.set(some.minima, at * blocks);
      for (let r = 0; some.zeroPoints && r * blocks < some.zeroPoints.length; r++) {
        const own = some.zeroPoints.subarray(r * blocks, (r + 1) * blocks);
        packBits(own, bits, shift, zeroPoints.subarray((at + r) * perRow));
        if (low) packBits(own, bits, 0, lowZeroPoints.subarray((at + r) * perRow));
      }
    }
    await append(values.subarray(0, count * rowBytes), parts.values.offset + (above + row) * rowBytes);
  }
  const [first, end] = [above * blocks, (above + rows) * blocks];
  requireNumbers(scales.subarray(first, end), 'a scale', tensor);
  requireNumbers(minima.subarray(first, end), 'an offset', tensor);
}

export async function widenedTensor(
  { tensor, offset }: WidenedTensor,
  source: TensorSource,
  append: Append,
): Promise<void> {
  const numbers = tensor.shape.reduce((product, axis) => product * axis, 1);
  const { columns } = storedAxes(tensor);
  // A transpose needs the whole matrix.
  const step = tensor.encoded.transposed ? columns * (tensor.shape.at(-1) ?? 1) : rowsWithin(atOnce, columns) * columns;
  for (let done = 0; done < numbers; done += step) {
    const count = Math.min(step, numbers - done);
    const wide = (await source.numbers(tensor, done, count))(0, count);
    requireNumbers(wide, 'a number', tensor);
    await append(bytesOf(wide), offset + 4 * done);
  }
}
