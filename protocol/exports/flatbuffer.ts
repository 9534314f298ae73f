/**
 * The little of FlatBuffers (https://flatbuffers.dev/internals) that the metadata of Arrow needs, written from the front: a table with its
 * table of places before it, then what it leads to. Fields are named by their number in the schema.
 */
import { utf8 } from './bytes';

export type Value =
  | { readonly byte: number }
  | { readonly short: number }
  | { readonly int: number }
  | { readonly long: number }
  | { readonly text: string }
  | { readonly table: Table }
  | { readonly tables: readonly Table[] }
  /** A list of structs of whole numbers of 8 bytes. */
  | { readonly structs: readonly (readonly number[])[] };

export type Table = Readonly<Record<number, Value>>;

export function flatbuffer(root: Table): Uint8Array {
  const out = new Out();
  const start = out.reserve(4);
  out.leadTo(start, out.table(root));
  out.align(8);
  return out.bytes();
}

class Out {
  private buffer = new Uint8Array(1024);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  reserve(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.buffer.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.buffer);
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  align(multiple: number): void {
    this.reserve((multiple - (this.length % multiple)) % multiple);
  }

  /** An offset counts from where it stands. */
  leadTo(from: number, to: number): void {
    this.view.setUint32(from, to - from, true);
  }

  table(table: Table): number {
    const fields = Object.entries(table).map(([number, value]) => ({ number: Number(number), value }));
    const slots = fields.reduce((most, { number }) => Math.max(most, number + 1), 0);
    this.align(2);
    const places = this.reserve(4 + 2 * slots);
    this.align(8);
    const start = this.reserve(4);
    // The largest first: none needs room between.
    const placed = fields
      .map((field) => ({ ...field, size: sizeOf(field.value) }))
      .sort((a, b) => b.size - a.size)
      .map((field) => {
        this.align(field.size);
        return { ...field, at: this.reserve(field.size) };
      });
    this.view.setUint16(places, 4 + 2 * slots, true);
    this.view.setUint16(places + 2, this.length - start, true);
    this.view.setInt32(start, start - places, true);
    for (const { number, at } of placed) this.view.setUint16(places + 4 + 2 * number, at - start, true);
    // The last first: metadata stands before a long list of fields, where a mark is looked for.
    for (const { at, value } of placed.toReversed()) this.put(at, value);
    return start;
  }

  private put(at: number, value: Value): void {
    if ('byte' in value) this.view.setUint8(at, value.byte);
    else if ('short' in value) this.view.setInt16(at, value.short, true);
    else if ('int' in value) this.view.setInt32(at, value.int, true);
    else if ('long' in value) this.view.setBigInt64(at, BigInt(value.long), true);
    else if ('text' in value) this.leadTo(at, this.text(value.text));
    else if ('table' in value) this.leadTo(at, this.table(value.table));
    else if ('tables' in value) this.leadTo(at, this.tables(value.tables));
    else this.leadTo(at, this.structs(value.structs));
  }

  private text(text: string): number {
    const bytes = utf8(text);
    this.align(4);
    // It ends with a zero that does not count.
    const at = this.reserve(4 + bytes.length + 1);
    this.view.setUint32(at, bytes.length, true);
    this.buffer.set(bytes, at + 4);
    return at;
  }

  private tables(tables: readonly Table[]): number {
    this.align(4);
    const at = this.reserve(4 + 4 * tables.length);
    this.view.setUint32(at, tables.length, true);
    tables.forEach((table, place) => this.leadTo(at + 4 + 4 * place, this.table(table)));
    return at;
  }

  private structs(structs: readonly (readonly number[])[]): number {
    this.align(8);
    this.reserve(4);
    const numbers = structs.flat();
    const at = this.reserve(4 + 8 * numbers.length);
    this.view.setUint32(at, structs.length, true);
    numbers.forEach((number, place) => this.view.setBigInt64(at + 4 + 8 * place, BigInt(number), true));
    return at;
  }
}

function sizeOf(value: Value): number {
  if ('byte' in value) return 1;
  if ('short' in value) return 2;
  return 'long' in value ? 8 : 4;
}
