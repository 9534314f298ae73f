/** A zip archive of files as they are, without compression (PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16). */
import { joined, utf8 } from './bytes';

export interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array;
}

const mostFiles = 0xffff;
const mostBytes = 0xffff_ffff;

/** CRC-32 of IEEE 802.3, a byte at a time. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (table[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffff_ffff) >>> 0;
}

/** 1980-01-01, the first day of the format: the same files give the same bytes. */
const firstDay = 0x21;
/** Names are UTF-8. */
const unicodeNames = 0x0800;

export function zipFile(files: readonly ZipFile[]): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content } of files) {
    const named = utf8(name);
    /** What both records say: version, flags, method, time, day, check, sizes, lengths of the name and of further fields. */
    const said = fields([
      ...([20, unicodeNames, 0, 0, firstDay] as const).map((value) => [value, 2] as const),
      ...([crc32(content), content.length, content.length] as const).map((value) => [value, 4] as const),
      [named.length, 2],
      [0, 2],
    ]);
    const local = joined([fields([[0x04034b50, 4]]), said, named, content]);
    const rest: readonly (readonly [number, 2 | 4])[] = [
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 4],
      [at, 4],
    ];
    directory.push(
      joined([
        fields([
          [0x02014b50, 4],
          [20, 2],
        ]),
        said,
        fields(rest),
        named,
      ]),
    );
    locals.push(local);
    at += local.length;
  }
  const listing = joined(directory);
  if (files.length > mostFiles || at + listing.length > mostBytes) {
    throw new Error('It is larger than 4 GB, or has more than 65,535 arrays. Export a part of it.');
  }
  const end = fields([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [files.length, 2],
    [files.length, 2],
    [listing.length, 4],
    [at, 4],
    [0, 2],
  ]);
  return joined([...locals, listing, end]);
}

function fields(values: readonly (readonly [value: number, bytes: 2 | 4])[]): Uint8Array {
  const all = new Uint8Array(values.reduce((sum, [, bytes]) => sum + bytes, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const [value, bytes] of values) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return all;
}
