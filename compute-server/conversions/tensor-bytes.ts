/** The bytes of a new tensor, piece by piece: no tensor of the source is held whole. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { dtypeSize, elementsOf, rangeLength, type NewTensor } from '../../diagnostics/model-runner/checkpoint';
import { toBfloat16, toHalf } from '../../kernels/tensors/half';
import type { StoredTensor } from '../../models/architectures/stored-weights';

/** Bytes that are read and written at a time. */
const pieceBytes = 2 ** 23;

export interface Source {
  find(name: string): StoredTensor | undefined;
  /** The folder that the locations are relative to. */
  readonly folder: string;
}

/** What is wrong with a new tensor, as one sentence. */
export function tensorProblem({ name, dtype, shape, made }: NewTensor, source: Source): string | undefined {
  if (!Number.isFinite(dtypeSize(dtype))) return `${name} is of the type ${dtype}, which is not written here.`;
  if (made.kind === 'computed') {
    return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'
      ? undefined
      : `${name} is computed, and ${dtype} is no type of computed tensors.`;
  }
  const stored = source.find(made.of);
  if (!stored) return `The model has no tensor ${made.of}, of which ${name} is made.`;
  if (stored.dtype !== dtype) return `${name} is to be ${dtype}, and ${made.of} is ${stored.dtype}.`;
  if (made.kind === 'copied') return sameShape(name, shape, stored.shape);
  const { axis, ranges } = made;
  if (stored.shape.length > 2 || stored.shape.length <= axis) {
    return `${made.of} has no ${axis === 0 ? 'rows' : 'columns'} that can be taken.`;
  }
  const [bad] = ranges.filter(([start, end]) => !(start >= 0 && start < end && end <= (stored.shape[axis] ?? 0)));
  if (bad) return `${bad.join(' to ')} is no range of the ${stored.shape[axis] ?? 0} of ${made.of}.`;
  const made2 = stored.shape.map((size, at) => (at === axis ? rangeLength(ranges) : size));
  return sameShape(name, shape, made2);
}

const sameShape = (name: string, wanted: readonly number[], made: readonly number[]): string | undefined =>
  wanted.join() === made.join()
    ? undefined
    : `${name} is to be [${wanted.join(', ')}], and would be [${made.join(', ')}].`;

/** As many bytes as `tensorBytes` says. */
export async function* bytesOfTensor(tensor: NewTensor, source: Source): AsyncGenerator<Uint8Array> {
  const { made, name } = tensor;
  if (made.kind === 'computed') {
    const numbers = await made.numbers();
    if (numbers.length !== elementsOf(tensor.shape)) {
      throw new RangeError(`${name} has ${elementsOf(tensor.shape)} numbers, and ${numbers.length} were computed`);
    }
    yield encoded(numbers, tensor.dtype);
    return;
  }
  const stored = source.find(made.of);
  if (!stored) throw new RangeError(`no tensor ${made.of}`);
  const file = await open(join(source.folder, stored.location), 'r');
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, stored.offset + offset);
    if (bytesRead !== length) throw new RangeError(`${stored.name} is cut short in ${stored.location}`);
    return bytes;
  };
  try {
    if (made.kind === 'copied') yield* runs(read, 0, stored.length);
    else if (made.axis === 0) {
      const rowBytes = stored.length / (stored.shape[0] ?? 1);
      for (const [start, end] of made.ranges) yield* runs(read, start * rowBytes, (end - start) * rowBytes);
    } else yield* columns(read, stored, made.ranges);
  } finally {
    await file.close();
  }
}

type Read = (offset: number, length: number) => Promise<Uint8Array>;

async function* runs(read: Read, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; done += pieceBytes) {
    yield await read(offset + done, Math.min(pieceBytes, length - done));
  }
}

async function* columns(
  read: Read,
  { shape, length }: StoredTensor,
  ranges: readonly (readonly [number, number])[],
): AsyncGenerator<Uint8Array> {
  const [rows = 0, width = 1] = shape;
  const rowBytes = length / rows;
  const size = rowBytes / width;
  const kept = rangeLength(ranges) * size;
  const atOnce = Math.max(1, Math.floor(pieceBytes / rowBytes));
  for (let first = 0; first < rows; first += atOnce) {
    const count = Math.min(atOnce, rows - first);
    const block = await read(first * rowBytes, count * rowBytes);
    const out = new Uint8Array(count * kept);
    let at = 0;
    for (let row = 0; row < count; row++) {
      for (const [start, end] of ranges) {
        const part = block.subarray(row * rowBytes + start * size, row * rowBytes + end * size);
        out.set(part, at);
        at += part.length;
      }
    }
    yield out;
  }
}

/** Little-endian, as safetensors has it and every platform that Node runs on. */
function encoded(numbers: Float32Array, dtype: string): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const halves = Uint16Array.from(numbers, dtype === 'BF16' ? toBfloat16 : toHalf);
  return new Uint8Array(halves.buffer);
}
