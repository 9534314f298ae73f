/** Writes .npy and .npz files byte by byte, as numpy documents them, and such that lie. */
import { crc32, deflateRawSync } from 'node:zlib';
import { toHalf } from '../../kernels/tensors/half';

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  /** `<f4` by default. */
  readonly descr?: string;
  readonly fortran?: boolean;
}

export function npyBytes({ shape, data, descr = '<f4', fortran = false }: NpyArray): Buffer {
  const numbers = Array.from(data);
  const content =
    descr === '<f8'
      ? Buffer.from(Float64Array.from(numbers).buffer)
      : descr === '<f2'
        ? Buffer.from(Uint16Array.from(numbers, toHalf).buffer)
        : descr === '<u2'
          ? Buffer.from(Uint16Array.from(numbers).buffer)
          : Buffer.from(Float32Array.from(numbers).buffer);
  const order = fortran ? 'True' : 'False';
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const padded = header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11) + '\n';
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([start, Buffer.from(padded, 'latin1'), content]);
}

interface ZipEntry {
  /** With its `.npy`. */
  readonly name: string;
  readonly content: Buffer;
  readonly deflated?: boolean;
  /** What the directory says of it, where that is not the truth. */
  readonly says?: {
    readonly size?: number;
    readonly stored?: number;
    readonly crc?: number;
    readonly at?: number;
    readonly flags?: number;
    readonly method?: number;
  };
}

/** As numpy writes it: sizes of a local header stand in its zip64 field, those of the directory in their usual places. */
export function zipBytes(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, deflated = false, says = {} } of entries) {
    const named = Buffer.from(name);
    const stored = deflated ? deflateRawSync(content) : content;
    const crc = says.crc ?? crc32(content);
    const method = says.method ?? (deflated ? 8 : 0);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(45, 4);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(crc, 14);
    local.writeUInt32LE(0xffffffff, 18);
    local.writeUInt32LE(0xffffffff, 22);
    local.writeUInt16LE(named.length, 26);
    local.writeUInt16LE(20, 28);
    const extra = Buffer.alloc(20);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(16, 2);
    extra.writeBigUInt64LE(BigInt(content.length), 4);
    extra.writeBigUInt64LE(BigInt(stored.length), 12);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(says.flags ?? 0, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc, 16);
    central.writeUInt32LE(says.stored ?? stored.length, 20);
    central.writeUInt32LE(says.size ?? content.length, 24);
    central.writeUInt16LE(named.length, 28);
    central.writeUInt32LE(says.at ?? at, 42);
    directory.push(central, named);
    parts.push(local, named, extra, stored);
    at += 30 + named.length + 20 + stored.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, listing, end]);
}

export const npzBytes = (arrays: Readonly<Record<string, NpyArray>>, deflated = false): Buffer =>
  zipBytes(
    Object.entries(arrays).map(([name, array]) => ({ name: `${name}.npy`, content: npyBytes(array), deflated })),
  );
