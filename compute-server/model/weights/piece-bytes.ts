/** The bytes of a piece (piece-layout.ts), made from the files of the checkpoint a few megabytes at a time. */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { blocksOf } from '../../../kernels/graph/operators/matrix';
import { fromHalf } from '../../../kernels/tensors/half';
import type { StoredTensor } from '../../../models/architectures/stored-weights';
import { headerBytes, type PackedTensor, type PieceLayout } from './piece-layout';
import { blockLength, bytesOfBlock, packColumns, packRows, type Packed } from './quantise';

/** Takes bytes in the order of the file, from the end of its header on; they are overwritten when it resolves. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** Numbers of a tensor that are read and packed at once, unless a row has more. */
const atOnce = 2 ** 20;
/** Numbers that are widened and packed before the next: they stay in the caches of a processor. */
const inCache = 2 ** 15;

/** `folder` is the one that the locations of the tensors are relative to. */
export async function writePiece(layout: PieceLayout, folder: string, sink: Sink): Promise<void> {
  const source = new Source(folder);
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

type Append = (bytes: Uint8Array, offset?: number) => Promise<void>;

const bytesOf = (array: Float32Array | Uint8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

async function packedRows(part: PackedTensor, source: Source, append: Append): Promise<void> {
  const { inputs, outputs, bits, tensor, firstRow } = part;
  const blocks = blocksOf(inputs, blockLength);
  const bytesOfRow = blocks * bytesOfBlock(bits);
  const rows = Math.min(outputs, Math.max(1, Math.floor(atOnce / inputs)));
  const near = Math.max(1, Math.floor(inCache / inputs));
  const values = source.scratch(rows * bytesOfRow);
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
async function packedColumns(part: PackedTensor, source: Source, append: Append): Promise<void> {
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

/** Reads tensors; what a call gives is overwritten by the next. */
class Source {
  private readonly files = new Map<string, FileHandle>();
  private buffer = new ArrayBuffer(0);
  private wide = new Float32Array(0);
  private spare = new Uint8Array(0);

  constructor(private readonly folder: string) {}

  async bytes(tensor: StoredTensor, from: number, length: number): Promise<Uint8Array> {
    const file = this.files.get(tensor.location) ?? (await open(join(this.folder, tensor.location)));
    this.files.set(tensor.location, file);
    if (this.buffer.byteLength < length) this.buffer = new ArrayBuffer(length);
    const bytes = new Uint8Array(this.buffer, 0, length);
    const { bytesRead } = await file.read(bytes, 0, length, tensor.offset + from);
    if (bytesRead !== length) throw new RangeError(`${tensor.name} is cut short in ${tensor.location}`);
    return bytes;
  }

  /** `count` numbers from number `first` on; what it resolves with gives some of them as float32, until the next read. */
  async numbers(
    tensor: StoredTensor,
    first: number,
    count: number,
  ): Promise<(from: number, length: number) => Float32Array> {
    const width = tensor.dtype === 'F32' ? 4 : 2;
    const { buffer } = await this.bytes(tensor, first * width, count * width);
    if (width === 4) return (from, length) => new Float32Array(buffer, 4 * from, length);
    return (from, length) => {
      if (this.wide.length < length) this.wide = new Float32Array(length);
      const wide = this.wide.subarray(0, length);
      const half = new Uint16Array(buffer, 2 * from, length);
      if (tensor.dtype === 'BF16') widenBfloat16(half, wide);
      else widenFloat16(half, wide);
      return wide;
    };
  }

  /** Bytes to write to, not cleared. */
  scratch(length: number): Uint8Array {
    if (this.spare.length < length) this.spare = new Uint8Array(length);
    return this.spare.subarray(0, length);
  }

  async close(): Promise<void> {
    for (const file of this.files.values()) await file.close();
  }
}

function widenBfloat16(half: Uint16Array, wide: Float32Array): void {
  // The upper half of a float32.
  const patterns = new Int32Array(wide.buffer, wide.byteOffset, wide.length);
  for (let i = 0; i < half.length; i++) patterns[i] = half[i]! << 16;
}

let table: Float32Array | undefined;

function widenFloat16(half: Uint16Array, wide: Float32Array): void {
  // The number of each pattern.
  const widened = (table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromHalf(bits)));
  for (let i = 0; i < half.length; i++) wide[i] = widened[half[i]!]!;
}
