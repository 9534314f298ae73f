/** Reads files that programs exchange numbers in, from the descriptions of their forms: Arrow IPC, zip with .npy, safetensors. */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';

export interface ReadColumn {
  readonly name: string;
  /** Number of the union `Type` of Schema.fbs: 2 Int, 3 FloatingPoint, 5 Utf8. */
  readonly type: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly values: readonly (number | bigint | string | null)[];
}

/** A table of FlatBuffers: the field of a number in its schema; undefined where it is left out. */
class Fields {
  constructor(
    private readonly bytes: Buffer,
    private readonly at: number,
  ) {}

  static root(bytes: Buffer): Fields {
    return new Fields(bytes, bytes.readUInt32LE(0));
  }

  private place(slot: number): number | undefined {
    const places = this.at - this.bytes.readInt32LE(this.at);
    if (4 + 2 * slot >= this.bytes.readUInt16LE(places)) return undefined;
    const from = this.bytes.readUInt16LE(places + 4 + 2 * slot);
    return from === 0 ? undefined : this.at + from;
  }

  private target(slot: number): number | undefined {
    const place = this.place(slot);
    return place === undefined ? undefined : place + this.bytes.readUInt32LE(place);
  }

  byte = (slot: number): number => this.read(slot, 1, (at) => this.bytes.readUInt8(at));
  short = (slot: number): number => this.read(slot, 2, (at) => this.bytes.readInt16LE(at));
  int = (slot: number): number => this.read(slot, 4, (at) => this.bytes.readInt32LE(at));
  long = (slot: number): number => this.read(slot, 8, (at) => Number(this.bytes.readBigInt64LE(at)));

  private read(slot: number, size: number, of: (at: number) => number): number {
    const at = this.place(slot);
    if (at === undefined) return 0;
    assert.equal(at % size, 0, 'every number stands at a multiple of its size');
    return of(at);
  }

  text(slot: number): string {
    const at = this.target(slot) ?? assert.fail(`no text ${slot}`);
    const length = this.bytes.readUInt32LE(at);
    assert.equal(this.bytes[at + 4 + length], 0, 'a text ends with a zero');
    return this.bytes.subarray(at + 4, at + 4 + length).toString('utf8');
  }

  table(slot: number): Fields {
    return new Fields(this.bytes, this.target(slot) ?? assert.fail(`no table ${slot}`));
  }

  tables(slot: number): readonly Fields[] {
    const at = this.target(slot);
    if (at === undefined) return [];
    return Array.from({ length: this.bytes.readUInt32LE(at) }, (_, index) => {
      const place = at + 4 + 4 * index;
      return new Fields(this.bytes, place + this.bytes.readUInt32LE(place));
    });
  }

  /** Structs of so many longs. */
  structs(slot: number, longs: number): readonly (readonly number[])[] {
    const at = this.target(slot);
    if (at === undefined) return [];
    assert.equal((at + 4) % 8, 0, 'structs of longs stand at a multiple of 8');
    return Array.from({ length: this.bytes.readUInt32LE(at) }, (_, index) =>
      Array.from({ length: longs }, (_unused, part) =>
        Number(this.bytes.readBigInt64LE(at + 4 + 8 * (longs * index + part))),
      ),
    );
  }
}

const keyValues = (tables: readonly Fields[]): Readonly<Record<string, string>> =>
  Object.fromEntries(tables.map((one) => [one.text(0), one.text(1)]));

/** https://arrow.apache.org/docs/format/Columnar.html, "IPC File Format"; slots as in Schema.fbs, Message.fbs and File.fbs. */
export function readArrow(bytes: Buffer): {
  readonly metadata: Readonly<Record<string, string>>;
  readonly columns: readonly ReadColumn[];
  /** The schema stands before the batches too, as in a stream; apache-arrow for JavaScript leaves it out. */
  readonly isStream: boolean;
} {
  assert.equal(bytes.subarray(0, 8).toString('latin1'), 'ARROW1\0\0');
  assert.equal(bytes.subarray(-6).toString('latin1'), 'ARROW1');
  const size = bytes.readInt32LE(bytes.length - 10);
  // A copy, so that places count from its beginning.
  const footer = Fields.root(Buffer.from(bytes.subarray(bytes.length - 10 - size, bytes.length - 10)));
  assert.equal(footer.short(0), 4, 'MetadataVersion.V5');
  const schema = footer.table(1);
  const fields = schema.tables(1);
  // A block: offset, length of the metadata with four bytes of nothing, length of the body.
  const [block, ...more] = footer.structs(3, 3);
  assert.ok(block && more.length === 0, 'one record batch');
  const [offset = 0, metadataLength = 0, bodyLength = 0] = block;
  for (const at of [8, offset]) {
    assert.equal(bytes.readUInt32LE(at), 0xffffffff);
    assert.equal((8 + bytes.readInt32LE(at + 4)) % 8, 0);
  }
  assert.equal(8 + bytes.readInt32LE(offset + 4), metadataLength);
  const message = messageAt(bytes, offset);
  assert.equal(message.byte(1), 3, 'a record batch');
  assert.equal(message.long(3), bodyLength);
  const batch = message.table(2);
  const rows = batch.long(0);
  const nodes = batch.structs(1, 2);
  const places = batch.structs(2, 2);
  const body = bytes.subarray(offset + metadataLength, offset + metadataLength + bodyLength);
  let next = 0;
  const buffer = (): Buffer => {
    const [from = 0, length = 0] = places[next++] ?? assert.fail('a buffer is missing');
    assert.equal(from % 8, 0, 'buffers stand at multiples of 8');
    return body.subarray(from, from + length);
  };
  const columns = fields.map((field, at): ReadColumn => {
    const type = field.byte(2);
    const [length, nulls] = nodes[at] ?? assert.fail('a node is missing');
    assert.equal(length, rows);
    const bits = buffer();
    const isThere = (row: number): boolean => bits.length === 0 || ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
    const value = valuesOf(type, field, buffer);
    const values = Array.from({ length: rows }, (_, row) => (isThere(row) ? value(row) : null));
    assert.equal(values.filter((one) => one === null).length, nulls);
    return { name: field.text(0), type, metadata: keyValues(field.tables(6)), values };
  });
  assert.equal(next, places.length);
  return { metadata: keyValues(schema.tables(2)), columns, isStream: messageAt(bytes, 8).byte(1) === 1 };
}

const messageAt = (bytes: Buffer, at: number): Fields =>
  Fields.root(Buffer.from(bytes.subarray(at + 8, at + 8 + bytes.readInt32LE(at + 4))));

function valuesOf(type: number, field: Fields, buffer: () => Buffer): (row: number) => number | bigint | string {
  if (type === 5) {
    const ends = buffer();
    const texts = buffer();
    return (row) => texts.subarray(ends.readInt32LE(4 * row), ends.readInt32LE(4 * row + 4)).toString('utf8');
  }
  const numbers = buffer();
  const about = field.table(3);
  if (type === 2) {
    assert.deepEqual([about.int(0), about.byte(1)], [64, 1], 'int64');
    return (row) => numbers.readBigInt64LE(8 * row);
  }
  assert.deepEqual([type, about.short(0)], [3, 2], 'float64');
  return (row) => numbers.readDoubleLE(8 * row);
}

/** PKWARE's APPNOTE 6.3.10: the directory and every local record say the same, and the check of each file is that of its bytes. */
export function readStoredZip(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50);
  const files = new Map<string, Buffer>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    assert.equal(bytes.readUInt32LE(at), 0x02014b50);
    assert.equal(bytes.readUInt16LE(at + 10), 0, 'stored');
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.subarray(at + 46, at + 46 + nameLength).toString('utf8');
    const local = bytes.readUInt32LE(at + 42);
    assert.equal(bytes.readUInt32LE(local), 0x04034b50);
    // Version, flags, method, time, day, check, sizes and length of the name.
    assert.ok(bytes.subarray(local + 4, local + 28).equals(bytes.subarray(at + 6, at + 30)));
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const content = bytes.subarray(from, from + bytes.readUInt32LE(at + 24));
    assert.equal(crc32(content), bytes.readUInt32LE(at + 16), name);
    assert.ok(!files.has(name), `two files are called ${name}`);
    files.set(name, content);
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  assert.equal(at, end);
  return files;
}

/** Version 1.0 of numpy.lib.format: what the header says, and the bytes behind it. */
export function readNpy(bytes: Buffer): { readonly header: string; readonly data: Buffer } {
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\u0093NUMPY\u0001\0');
  const begin = 10 + bytes.readUInt16LE(8);
  assert.equal(begin % 64, 0);
  const header = bytes.subarray(10, begin).toString('latin1');
  assert.match(header, /\}\x20*\n$/u);
  return { header: header.trim(), data: bytes.subarray(begin) };
}

export function readSafetensors(bytes: Buffer): {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly data: Buffer }
  >;
} {
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...rest } = JSON.parse(bytes.subarray(8, begin).toString('utf8')) as Record<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
  > & { readonly __metadata__: Record<string, string> };
  let next = 0;
  const tensors = new Map(
    Object.entries(rest).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        assert.equal(from, next, 'no bytes between two tensors');
        next = to;
        return [name, { dtype, shape, data: bytes.subarray(begin + from, begin + to) }] as const;
      },
    ),
  );
  assert.equal(begin + next, bytes.length);
  return { metadata, tensors };
}
