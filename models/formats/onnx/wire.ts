import type { FileHandle } from 'node:fs/promises';

/** Bytes of one read; what lies between two pieces of interest is never read. */
const pageSize = 32_768;

/** Two numbers of ten bytes each. */
const longestHead = 20;
/** The largest exported graphs have some hundred thousand. */
const mostFields = 1_000_000;

/** Thrown inside the reader, answered by a problem outside it. */
export class WireError extends Error {}

export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
  readonly type: number;
  /** The number of a varint, the length of type 2; 8 or 4 otherwise. */
  readonly value: number;
}

/** Walks protobuf's wire format in a file of any size, page by page. */
export class WireReader {
  position = 0;
  bytesRead = 0;
  private page: Buffer = Buffer.alloc(0);
  private fields = 0;
  private pageStart = 0;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
    /** Reading more than this ends with an error: the rest is no metadata. */
    private readonly mostBytes: number,
  ) {}

  /** Makes the next bytes available, as many as a field's tag and length can take. */
  private async fill(): Promise<void> {
    const ahead = this.pageStart + this.page.length - this.position;
    if (this.position >= this.pageStart && (ahead >= longestHead || this.position + ahead >= this.size)) return;
    this.page = await this.at(this.position, Math.min(pageSize, this.size - this.position));
    this.pageStart = this.position;
  }

  private async at(position: number, length: number): Promise<Buffer> {
    if (length < 0 || this.bytesRead + length > this.mostBytes)
      throw new WireError('it holds more metadata than any model');
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.file.read(buffer, 0, length, position);
    this.bytesRead += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  /** A bare number, as packed lists hold them. */
  async number(): Promise<number> {
    await this.fill();
    return this.varint();
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      const byte = this.page[this.position - this.pageStart];
      if (byte === undefined) throw new WireError('the file ends in the middle of a field');
      this.position++;
      value += (byte & 127) * 2 ** (7 * shift);
      if (byte < 128) return value;
    }
    throw new WireError('a number has more than ten bytes');
  }

  /** The next field before `end`; for type 2 the position is then at its first byte. */
  async field(end: number): Promise<WireField | undefined> {
    if (this.position >= end) return undefined;
    if (++this.fields > mostFields) throw new WireError('it holds more fields than any model');
    await this.fill();
    const tag = this.varint();
    const type = tag % 8;
    const number = Math.floor(tag / 8);
    if (number === 0) throw new WireError('a field has the number 0');
    if (type === 0) return { number, type, value: this.varint() };
    const value = type === 2 ? this.varint() : type === 1 ? 8 : type === 5 ? 4 : -1;
    if (value < 0) throw new WireError(`a field has the wire type ${type}`);
    if (this.position + value > end) throw new WireError('a field ends beyond its message');
    return { number, type, value };
  }

  skip(length: number): void {
    this.position += length;
  }

  /** The bytes of a field of type 2. */
  async take(length: number): Promise<Uint8Array> {
    const offset = this.position - this.pageStart;
    const bytes =
      offset >= 0 && offset + length <= this.page.length
        ? this.page.subarray(offset, offset + length)
        : await this.at(this.position, length);
    if (bytes.length < length) throw new WireError('the file ends in the middle of a field');
    this.position += length;
    return bytes;
  }
}
