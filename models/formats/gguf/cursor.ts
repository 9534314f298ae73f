import type { FileHandle } from 'node:fs/promises';
import type { GgufBudget } from './budget';

/** Bytes of one read: most headers without a vocabulary fit. */
const pageSize = 65_536;

/** Thrown inside the reader, answered by a sentence outside of it. The message is a clause about the file. */
export class GgufError extends Error {}

/** Walks through the header of a file page by page; what is passed over is not read. */
export class Cursor {
  position = 0;
  bytesRead = 0;
  littleEndian = true;
  private page = Buffer.alloc(0);
  private view = new DataView(new ArrayBuffer(0));
  private pageStart = 0;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
    private readonly budget: GgufBudget,
  ) {}

  /** True when so many bytes can be taken without a further read. */
  has(length: number): boolean {
    return this.position >= this.pageStart && this.position + length <= this.pageStart + this.page.length;
  }

  /** Makes so many bytes available. */
  async need(length: number): Promise<void> {
    if (this.has(length)) return;
    if (length > this.size - this.position) throw new GgufError(`it ends after ${this.size} bytes, within its header`);
    const wanted = Math.min(Math.max(pageSize, length), this.size - this.position);
    this.budget.take('bytes', wanted);
    const page = Buffer.alloc(wanted);
    const { bytesRead } = await this.file.read(page, 0, wanted, this.position);
    this.bytesRead += bytesRead;
    if (bytesRead < length) throw new GgufError('it became shorter while it was read');
    this.page = page.subarray(0, bytesRead);
    this.view = new DataView(page.buffer, page.byteOffset, bytesRead);
    this.pageStart = this.position;
  }

  skip(length: number): void {
    if (length > this.size - this.position) throw new GgufError(`it ends after ${this.size} bytes, within its header`);
    this.position += length;
  }

  /** The next bytes, which `need` has made available. */
  bytes(length: number): Buffer {
    const start = this.take(length);
    return this.page.subarray(start, start + length);
  }

  number(type: NumberType): number {
    const { bytes, read } = numberTypes[type];
    return read(this.view, this.take(bytes), this.littleEndian);
  }

  private take(length: number): number {
    const start = this.position - this.pageStart;
    this.position += length;
    return start;
  }
}

export type NumberType =
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'float32'
  | 'uint64'
  | 'int64'
  | 'float64';

/** 64-bit integers become numbers: sizes and offsets above 2^53 are refused where they are used. */
export const numberTypes: Readonly<
  Record<NumberType, { readonly bytes: number; readonly read: (view: DataView, at: number, little: boolean) => number }>
> = {
  uint8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  int8: { bytes: 1, read: (view, at) => view.getInt8(at) },
  uint16: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  int16: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  uint32: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  int32: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  float32: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  uint64: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  int64: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  float64: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
};
