/** The bytes of matrices in a piece that products widen: numbers of float16 with scales, or codes of a table with sizes. */
import type { HalfMatrix, TableMatrix } from '../../../models/architectures/stored-weights';
import { bytesOf, type Append } from './append';
import { atOnce, requireNumbers, rowsWithin } from './encoded-bytes';
import type { NarrowMatrix } from './piece-layout';
import type { TensorSource } from './tensor-source';

export const narrowMatrix = (matrix: NarrowMatrix, source: TensorSource, append: Append): Promise<void> =>
  matrix.held.kind === 'table'
    ? tableBytes(matrix, matrix.held, source, append)
    : halfBytes(matrix, matrix.held, source, append);

async function tableBytes(
  { tensor, firstRow, rows, columns }: NarrowMatrix,
  { block, values, sizes: place }: TableMatrix,
  source: TensorSource,
  append: Append,
): Promise<void> {
  const { decoder, name } = tensor.encoded.format;
  if (decoder.kind !== 'table') throw new RangeError(`${name} has no table`);
  const sizes = new Float32Array((rows * columns) / block);
  const most = rowsWithin(atOnce, columns);
  for (let row = 0; row < rows; row += most) {
    const some = decoder.codes(await source.rows(tensor, firstRow + row, Math.min(most, rows - row)));
    sizes.set(some.sizes, (row * columns) / block);
    await append(some.codes, values.offset + (row * columns) / 2);
  }
  requireNumbers(sizes, 'a scale', tensor);
  await append(bytesOf(sizes), place.offset);
}

async function halfBytes(
  { tensor, firstRow, rows, columns }: NarrowMatrix,
  { values, scales: place, runs, group }: HalfMatrix,
  source: TensorSource,
  append: Append,
): Promise<void> {
  const { decoder, name } = tensor.encoded.format;
  if (decoder.kind !== 'halves') throw new RangeError(`${name} is not held in float16`);
  const most = rowsWithin(atOnce, columns);
  for (let row = 0; row < rows; row += most) {
    const halves = decoder.halves(await source.rows(tensor, firstRow + row, Math.min(most, rows - row)));
    // Infinite or not a number: all bits of the exponent are set.
    if (halves.some((bits) => (bits & 0x7c00) === 0x7c00)) requireNumbers(Float32Array.of(NaN), 'a number', tensor);
    await append(bytesOf(halves), values.offset + 2 * row * columns);
  }
  const stored = decoder.scales(await source.wholeParts(tensor));
  requireNumbers(stored, 'a scale', tensor);
  const [down, across] = decoder.block;
  const blocks = Math.ceil(columns / across);
  const ofRow = (row: number): number => Math.floor((firstRow + row) / down) * blocks;
  if (group !== undefined) {
    await append(bytesOf(stored.subarray(firstRow * blocks, (firstRow + rows) * blocks)), place.offset);
    return;
  }
  if (!runs) {
    await append(bytesOf(Float32Array.from({ length: rows }, (_, row) => stored[ofRow(row)]!)), place.offset);
    return;
  }
  const scales = new Float32Array(runs.length * columns);
  let row = 0;
  for (const [run, count] of runs.entries()) {
    for (let column = 0; column < columns; column++) {
      scales[run * columns + column] = stored[ofRow(row) + Math.floor(column / across)]!;
    }
    row += count;
  }
  await append(bytesOf(scales), place.offset);
}
