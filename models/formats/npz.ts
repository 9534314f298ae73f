/**
 * The arrays of a .npz file: a zip archive with a .npy file for each (https://numpy.org/doc/stable/reference/generated/numpy.savez.html;
 * records as in PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5.3). Nothing is written to the disk, and nothing grows beyond its limit:
 * what an archive says of its sizes is held against the bytes.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { shortened } from './short-text';

export interface NpzFile {
  /** Without `.npy`. */
  readonly names: readonly string[];
  /** Bytes of the array as a .npy file; a sentence where they cannot be had. */
  bytesOf(name: string): Buffer | string | undefined;
}

interface Entry {
  readonly name: string;
  readonly compressed: boolean;
  readonly crc: number;
  readonly from: number;
  readonly stored: number;
  readonly size: number;
}

const [endRecord, endRecord64, locator64, centralRecord, localRecord] = [
  0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50,
];
const [endLength, locatorLength, end64Length, centralLength, localLength] = [22, 20, 56, 46, 30];
const longestComment = 0xffff;
/** Stand where a number has more bits than its place. */
const [full16, full32] = [0xffff, 0xffffffff];
const mostEntries = 65_536;

/** `largest`: bytes of all arrays together. A sentence where the file is no such archive. */
export function readNpz(bytes: Buffer, largest: number): NpzFile | string {
  const directory = directoryOf(bytes);
  if (typeof directory === 'string') return directory;
  const entries = new Map<string, Entry>();
  let { at } = directory;
  let total = 0;
  for (let index = 0; index < directory.count; index++) {
    const read = entryAt(bytes, at);
    if (typeof read === 'string') return read;
    const { entry, next } = read;
    if (entries.has(entry.name)) return `it has two arrays called "${shortened(entry.name)}". Save it again.`;
    total += entry.size;
    if (total > largest) {
      return `its arrays take ${total} bytes or more, and at most ${largest} are read. Save fewer tensors, or raise the memory limit.`;
    }
    entries.set(entry.name, entry);
    at = next;
  }
  return {
    names: [...entries.keys()],
    bytesOf(name) {
      const entry = entries.get(name);
      return entry && contentOf(bytes, entry);
    },
  };
}

const cutOff = 'it ends too early, or is no .npz file. Copy or save it again.';

function directoryOf(bytes: Buffer): { readonly at: number; readonly count: number } | string {
  if (bytes.length < endLength) return cutOff;
  const last = bytes.length - endLength;
  let end = last;
  while (end >= 0 && end >= last - longestComment) {
    if (bytes.readUInt32LE(end) === endRecord && end + endLength + bytes.readUInt16LE(end + 20) === bytes.length) break;
    end--;
  }
  if (end < Math.max(0, last - longestComment)) return cutOff;
  const small = { count: bytes.readUInt16LE(end + 10), at: bytes.readUInt32LE(end + 16) };
  const { count, at } = small.count === full16 || small.at === full32 ? (large(bytes, end) ?? small) : small;
  if (count > mostEntries) return `it says that it has ${count} arrays, and at most ${mostEntries} are read.`;
  return at <= end ? { count, at } : cutOff;
}

function large(bytes: Buffer, end: number): { readonly at: number; readonly count: number } | undefined {
  const locator = end - locatorLength;
  if (locator < 0 || bytes.readUInt32LE(locator) !== locator64) return undefined;
  const at = Number(bytes.readBigUInt64LE(locator + 8));
  if (at + end64Length > locator || bytes.readUInt32LE(at) !== endRecord64) return undefined;
  return { count: Number(bytes.readBigUInt64LE(at + 32)), at: Number(bytes.readBigUInt64LE(at + 48)) };
}

function entryAt(bytes: Buffer, at: number): { readonly entry: Entry; readonly next: number } | string {
  if (at + centralLength > bytes.length || bytes.readUInt32LE(at) !== centralRecord) return cutOff;
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
  const named = at + centralLength;
  const extra = named + nameLength!;
  const next = extra + extraLength! + commentLength!;
  if (next > bytes.length) return cutOff;
  const file = bytes.subarray(named, extra).toString('utf8');
  const unread = whyNotRead(file);
  if (unread !== undefined) return unread;
  const name = file.slice(0, -'.npy'.length);
  const [flags, method] = [bytes.readUInt16LE(at + 8), bytes.readUInt16LE(at + 10)];
  if ((flags & 1) !== 0) return `"${shortened(name)}" is encrypted. Save it without a password.`;
  if (method !== 0 && method !== 8) {
    return `"${shortened(name)}" is compressed by method ${method}. Save it with numpy.savez or numpy.savez_compressed.`;
  }
  const sizes = sizesIn(bytes, at, bytes.subarray(extra, extra + extraLength!));
  if (!sizes) return cutOff;
  const { size, stored, local } = sizes;
  if (local + localLength > bytes.length || bytes.readUInt32LE(local) !== localRecord) return cutOff;
  const from = local + localLength + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  if (from + stored > bytes.length) return cutOff;
  if (method === 0 && size !== stored) {
    return `"${shortened(name)}" is said to have ${size} bytes, and ${stored} are stored. Save it again.`;
  }
  return { entry: { name, compressed: method === 8, crc: bytes.readUInt32LE(at + 16), from, stored, size }, next };
}

function whyNotRead(file: string): string | undefined {
  if (/(^|\/)data\.pkl$/u.test(file)) {
    return 'it is a PyTorch file, a pickle, which can run code when it is read, so it is not opened. Save safetensors instead.';
  }
  if (/[\\\0]/u.test(file) || file.startsWith('/') || file.split('/').includes('..')) {
    return `it names a file outside of itself, "${shortened(file)}". Save it with numpy.savez.`;
  }
  return file.endsWith('.npy')
    ? undefined
    : `it holds "${shortened(file)}", which is no array. Save it with numpy.savez.`;
}

/** With those of the zip64 field, which stand in this order and only where the usual place is full. */
function sizesIn(bytes: Buffer, at: number, extra: Buffer) {
  const usual = {
    size: bytes.readUInt32LE(at + 24),
    stored: bytes.readUInt32LE(at + 20),
    local: bytes.readUInt32LE(at + 42),
  };
  const full = (['size', 'stored', 'local'] as const).filter((name) => usual[name] === full32);
  if (full.length === 0) return usual;
  for (let field = 0; field + 4 <= extra.length;) {
    const [id, length] = [extra.readUInt16LE(field), extra.readUInt16LE(field + 2)];
    const from = field + 4;
    if (id === 1 && length >= 8 * full.length && from + length <= extra.length) {
      full.forEach((name, index) => (usual[name] = Number(extra.readBigUInt64LE(from + 8 * index))));
      return usual;
    }
    field = from + length;
  }
  return undefined;
}

function contentOf(bytes: Buffer, { name, compressed, crc, from, stored, size }: Entry): Buffer | string {
  const raw = bytes.subarray(from, from + stored);
  let content = raw;
  if (compressed) {
    try {
      content = inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
    } catch {
      return `"${shortened(name)}" cannot be decompressed to the ${size} bytes that it is said to have. Save it again.`;
    }
  }
  if (content.length !== size || crc32(content) !== crc) {
    return `"${shortened(name)}" is damaged: its bytes are not those that were saved. Copy or save it again.`;
  }
  return content;
}
