/** The chunks of a PNG (PNG specification, third edition, W3C 2025: sections 5, 11). */
import { crc32 } from 'node:zlib';
import type { PictureHeader } from './picture-header';
import { CutOff, StructureError } from './structure-error';

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export interface PngHeader extends PictureHeader {
  readonly format: 'PNG';
  /** The zlib stream of the picture, in the pieces in which the file holds it. */
  readonly data: readonly Uint8Array[];
  /** Bytes that it inflates to: every row of every pass, with its filter byte. */
  readonly inflated: number;
}

/** Samples of a pixel and the bit depths that they may have, by colour type (table 11.1). */
const colourTypes: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

/** First column and row, and steps, of the seven passes of Adam7 (section 8.1). */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
  readonly whole: Buffer;
}

export function readPng(bytes: Buffer): PngHeader {
  const kept: Uint8Array[] = [pngSignature];
  const data: Uint8Array[] = [];
  let header: Omit<PngHeader, 'data' | 'bytes'> | undefined;
  let indexed = false;
  let palette = false;
  let before = '';
  for (const { type, data: content, whole } of chunksOf(bytes)) {
    if (!header && type !== 'IHDR') throw new StructureError(`its first chunk is ${type} and not IHDR`);
    switch (type) {
      case 'IHDR':
        if (header) throw new StructureError('it has two headers (IHDR)');
        header = headerFrom(content);
        indexed = content[9] === 3;
        break;
      case 'PLTE':
        if (palette || data.length > 0) throw new StructureError('its palette is in the wrong place');
        if (content.length === 0 || content.length > 768 || content.length % 3 !== 0) {
          throw new StructureError(`its palette has ${content.length} bytes`);
        }
        palette = true;
        break;
      case 'IDAT':
        if (indexed && !palette) throw new StructureError('it has no palette (PLTE)');
        if (data.length > 0 && before !== 'IDAT') throw new StructureError('other chunks are between its data (IDAT)');
        data.push(content);
        break;
      case 'tRNS':
      case 'IEND':
        break;
      default:
        // An upper-case first letter marks a critical chunk: a decoder that does not know it cannot decode the picture.
        if (/^[A-Z]/.test(type)) throw new StructureError(`it has a chunk ${type} that is not known`);
    }
    before = type;
    // Text, profiles and animations make no pixel, and some of them inflate: the decoder does not meet them.
    if (['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'].includes(type)) kept.push(whole);
  }
  if (!header || data.length === 0) throw new StructureError('it has no data (IDAT)');
  return { ...header, data, bytes: Buffer.concat(kept) };
}

/** Chunks up to IEND; what follows is not part of the picture. */
function* chunksOf(bytes: Buffer): Generator<Chunk> {
  let at = pngSignature.length;
  for (;;) {
    if (at + 12 > bytes.length) throw new CutOff();
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (!/^[A-Za-z]{4}$/.test(type)) throw new StructureError('a chunk of it has no name');
    const end = at + 12 + length;
    if (end > bytes.length) throw new CutOff();
    const data = bytes.subarray(at + 8, end - 4);
    // The checksum of a chunk without pixels says nothing about the picture.
    if (/^[A-Z]|tRNS/.test(type) && crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) {
      throw new StructureError(`the checksum of its chunk ${type} is wrong`);
    }
    yield { type, data, whole: bytes.subarray(at, end) };
    if (type === 'IEND') return;
    at = end;
  }
}

function headerFrom(content: Buffer): Omit<PngHeader, 'data' | 'bytes'> {
  if (content.length !== 13) throw new StructureError(`its header (IHDR) has ${content.length} bytes and not 13`);
  const [width, height] = [content.readUInt32BE(0), content.readUInt32BE(4)];
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = content.subarray(8);
  const type = colourTypes[colour];
  if (!type?.depths.includes(depth)) {
    throw new StructureError(`its header names colour type ${colour} with ${depth} bits, which PNG does not have`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw new StructureError('its header names a compression, filter or interlace method that PNG does not have');
  }
  const bits = type.samples * depth;
  const pass = (columns: number, rows: number): number =>
    columns === 0 || rows === 0 ? 0 : rows * (1 + Math.ceil((columns * bits) / 8));
  const inflated =
    interlace === 0
      ? pass(width, height)
      : adam7
          .map(([column, row, right, down]) =>
            pass(Math.max(0, Math.ceil((width - column) / right)), Math.max(0, Math.ceil((height - row) / down))),
          )
          .reduce((sum, each) => sum + each, 0);
  return { format: 'PNG', width, height, pixelBytes: Math.ceil(bits / 8), inflated };
}
