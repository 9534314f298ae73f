/** Reads stored tensors: their bytes, their numbers as float32, and rows of those that are encoded. */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { widenBfloat16, widenHalf } from '../../../kernels/tensors/half';
import type { ExternalData } from '../../../kernels/graph/records';
import type { EncodedTensor, StoredTensor } from '../../../models/architectures/stored-weights';
import { ReusedArrays, widened, type EncodedRows } from '../../../models/formats/number-formats/number-format';

/** A tensor that is not stored as a plain row of floats. */
export type Encoded = StoredTensor & { readonly encoded: EncodedTensor };

export const isEncoded = (tensor: StoredTensor): tensor is Encoded => tensor.encoded !== undefined;

/** Rows and columns as they are stored: the last axis, and all axes before it. */
export function storedAxes({ shape, encoded }: StoredTensor): { readonly rows: number; readonly columns: number } {
  const stored = encoded?.transposed ? [...shape.slice(0, -2), shape.at(-1) ?? 1, shape.at(-2) ?? 1] : shape;
  const columns = stored.at(-1) ?? 1;
  return { rows: stored.slice(0, -1).reduce((product, axis) => product * axis, 1), columns };
}

/** Numbers of float tensors that a call gives are overwritten by the next call. */
export class TensorSource {
  private readonly files = new Map<string, FileHandle>();
  private buffer = new ArrayBuffer(0);
  private wide = new Float32Array(0);
  private readonly reused = new ReusedArrays();
  /** The parts of the last encoded tensor that belong to all of its rows. */
  private whole: { readonly encoded: EncodedTensor; readonly parts: Readonly<Record<string, Uint8Array>> } | undefined;

  /** `folder` is the one that the locations of the tensors are relative to. */
  constructor(private readonly folder: string) {}

  async bytes(tensor: StoredTensor, from: number, length: number): Promise<Uint8Array> {
    if (this.buffer.byteLength < length) this.buffer = new ArrayBuffer(length);
    const bytes = new Uint8Array(this.buffer, 0, length);
    await this.read(tensor.name, tensor, from, bytes);
    return bytes;
  }

  /** `count` numbers from number `first` on. Resolves with a function that gives a part of them as float32, until the next read. */
  async numbers(
    tensor: StoredTensor,
    first: number,
    count: number,
  ): Promise<(from: number, length: number) => Float32Array> {
    if (isEncoded(tensor)) {
      const wide = await this.encodedNumbers(tensor, first, count);
      return (from, length) => wide.subarray(from, from + length);
    }
    const width = tensor.dtype === 'F32' ? 4 : 2;
    const { buffer } = await this.bytes(tensor, first * width, count * width);
    if (width === 4) return (from, length) => new Float32Array(buffer, 4 * from, length);
    return (from, length) => {
      if (this.wide.length < length) this.wide = new Float32Array(length);
      const wide = this.wide.subarray(0, length);
      const half = new Uint16Array(buffer, 2 * from, length);
      if (tensor.dtype === 'BF16') widenBfloat16(half, wide);
      else widenHalf(half, wide);
      return wide;
    };
  }

  /** Rows of an encoded tensor as they are stored, until the next read of such rows. */
  async rows(tensor: Encoded, first: number, count: number): Promise<EncodedRows> {
    const { encoded, name } = tensor;
    const axes = storedAxes(tensor);
    const parts: Record<string, Uint8Array> = { ...(await this.wholeParts(tensor)) };
    for (const part of encoded.format.byRow) {
      const data = partOf(tensor, part);
      const width = data.length / axes.rows;
      if (!Number.isInteger(width)) throw new RangeError(`${name} has ${data.length} bytes for ${axes.rows} rows`);
      const bytes = this.reused.uint8(part, count * width);
      await this.read(name, data, first * width, bytes);
      parts[part] = bytes;
    }
    return { ...axes, parts, first, count };
  }

  /** The parts that belong to all rows. */
  async wholeParts(tensor: Encoded): Promise<Readonly<Record<string, Uint8Array>>> {
    const { encoded, name } = tensor;
    if (this.whole?.encoded === encoded) return this.whole.parts;
    const parts: Record<string, Uint8Array> = {};
    for (const [part, data] of Object.entries(encoded.parts)) {
      if (encoded.format.byRow.includes(part)) continue;
      const bytes = new Uint8Array(data.length);
      await this.read(name, data, 0, bytes);
      parts[part] = bytes;
    }
    this.whole = { encoded, parts };
    return parts;
  }

  async close(): Promise<void> {
    for (const file of this.files.values()) await file.close();
  }

  private async encodedNumbers(tensor: Encoded, first: number, count: number): Promise<Float32Array> {
    const { columns } = storedAxes(tensor);
    const { format, transposed } = tensor.encoded;
    if (transposed) {
      const outputs = tensor.shape.at(-1) ?? 1;
      const each = outputs * columns;
      const out = new Float32Array(count);
      for (let matrix = Math.floor(first / each); matrix * each < first + count; matrix++) {
        const all = widened(format, await this.rows(tensor, matrix * outputs, outputs));
        const end = Math.min(first + count, (matrix + 1) * each);
        for (let at = Math.max(first, matrix * each); at < end; at++) {
          const inside = at - matrix * each;
          out[at - first] = all[(inside % outputs) * columns + Math.floor(inside / outputs)]!;
        }
      }
      return out;
    }
    const start = Math.floor(first / columns);
    const wide = widened(format, await this.rows(tensor, start, Math.ceil((first + count) / columns) - start));
    return wide.subarray(first - start * columns, first - start * columns + count);
  }

  private async read(name: string, { location, offset }: ExternalData, from: number, into: Uint8Array): Promise<void> {
    const file = this.files.get(location) ?? (await open(join(this.folder, location)));
    this.files.set(location, file);
    const { bytesRead } = await file.read(into, 0, into.length, offset + from);
    if (bytesRead !== into.length) throw new RangeError(`${name} is cut short in ${location}`);
  }
}

/** `count` numbers of a tensor from number `first` on, as float32. */
export async function readNumbers(
  tensor: StoredTensor,
  first: number,
  count: number,
  folder: string,
): Promise<Float32Array> {
  const source = new TensorSource(folder);
  try {
    return (await source.numbers(tensor, first, count))(0, count);
  } finally {
    await source.close();
  }
}

function partOf({ name, encoded }: Encoded, part: string): ExternalData {
  const found = encoded.parts[part];
  if (!found) throw new RangeError(`${name} has no part ${part}`);
  return found;
}
