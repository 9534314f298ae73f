/** The bytes of a piece (piece-layout.ts), made from the files of the checkpoint a few megabytes at a time. */
import { unreachable } from '../../../models/unreachable';
import { blocksOf } from '../../../kernels/graph/operators/matrix';
import { bytesOf, type Append } from './append';
import { codedMatrix, widenedTensor } from './encoded-bytes';
import { narrowMatrix } from './narrow-bytes';
import {
  headerBytes,
  type CodedMatrix,
  type NarrowMatrix,
  type PackedTensor,
  type PieceEntries,
  type WidenedTensor,
} from './piece-layout';
import { blockLength, bytesOfBlock, packColumns, packRows, type Packed } from './quantise';
import { TensorSource } from './tensor-source';

/** Takes bytes in the order of the file, from the end of its header on; they are overwritten when it resolves. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** Numbers of a tensor that are read and packed at once, unless a row has more. */
const atOnce = 2 ** 20;
/** Numbers that are widened and packed before the next: they stay in the caches of a processor. */
const inCache = 2 ** 15;

/** `folder` is the one that the locations of the tensors are relative to. */
export async function writePiece(layout: PieceEntries, folder: string, sink: Sink): Promise<void> {
  const source = new TensorSource(folder);
  let at = headerBytes;
  const append = async (bytes: Uint8Array, offset = at): Promise<void> => {
    if (offset > at) await sink(new Uint8Array(offset - at));
    await sink(bytes);
    at = offset + bytes.length;
  };
  try {
    for (const part of layout.parts) {
      if (part.kind === 'packed') {
        await (part.stored === 'outputs-inputs' ? packedRows : packedColumns)(part, source, append);
        continue;
      }
      if (part.kind !== 'copy') {
        await writeEncoded(part, source, append);
        continue;
      }
      const { length } = part.tensor;
      for (let done = 0; done < length; done += 4 * atOnce) {
        const bytes = await source.bytes(part.tensor, done, Math.min(4 * atOnce, length - done));
        await append(bytes, part.offset + done);
      }
    }
    if (at < layout.size) await sink(new Uint8Array(layout.size - at));
  } finally {
    await source.close();
  }
}

function writeEncoded(
  part: CodedMatrix | NarrowMatrix | WidenedTensor,
  source: TensorSource,
  append: Append,
): Promise<void> {
  switch (part.kind) {
    case 'coded':
      return codedMatrix(part, source, append);
    case 'narrow':
      return narrowMatrix(part, source, append);
    case 'widened':
      return widenedTensor(part, source, append);
    default:
      return unreachable(part);
  }
}

async function packedRows(part: PackedTensor, source: TensorSource, append: Append): Promise<void> {
  const { inputs, outputs, bits, tensor, firstRow } = part;
  const blocks = blocksOf(inputs, blockLength);
  const bytesOfRow = blocks * bytesOfBlock(bits);
  const rows = Math.min(outputs, Math.max(1, Math.floor(atOnce / inputs)));
  const near = Math.max(1, Math.floor(inCache / inputs));
  const values = new Uint8Array(rows * bytesOfRow);
  // The factors stand behind the integers of all rows.
  const scales = new Float32Array(outputs * blocks);
  for (let row = 0; row < outputs; row += rows) {
    const count = Math.min(rows, outputs - row);
    const numbers = await source.numbers(tensor, (firstRow + row) * inputs, count * inputs);
    for (let from = 0; from < count; from += near) {
      const some = numbers(from * inputs, Math.min(near, count - from) * inputs);
      const into = { values: values.subarray(from * bytesOfRow), scales: scales.subarray((row + from) * blocks) };
      packRows(some, inputs, { bits, blocks, ...into });
    }
    await append(values.subarray(0, count * bytesOfRow), part.values + row * bytesOfRow);
  }
  await append(bytesOf(scales), part.scales);
}

/** A row of the tensor has one number of each output, so the integers of all outputs are made before the first is written. */
async function packedColumns(part: PackedTensor, source: TensorSource, append: Append): Promise<void> {
  const { inputs, outputs, bits, tensor } = part;
  const blocks = blocksOf(inputs, blockLength);
  const into: Packed = {
    bits,
    blocks,
    values: new Uint8Array(outputs * blocks * bytesOfBlock(bits)),
    scales: new Float32Array(outputs * blocks),
  };
  const step = Math.max(1, Math.floor(atOnce / outputs / blockLength));
  for (let block = 0; block < blocks; block += step) {
    const first = block * blockLength;
    const count = Math.min(step * blockLength, inputs - first);
    const numbers = await source.numbers(tensor, first * outputs, count * outputs);
    packColumns(numbers(0, count * outputs), outputs, block, into);
  }
  await append(into.values, part.values);
  await append(bytesOf(into.scales), part.scales);
}
