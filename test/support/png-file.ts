/** PNG files by their chunks, whatever is wrong in them. */
import { deflateSync } from 'node:zlib';

/** CRC-32 of ISO 3309, as PNG's annex D has it. */
function crc(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

export function chunk(type: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

export interface PngShape {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth?: number;
  readonly colour?: number;
  readonly interlace?: number;
}

export const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex');

export function headerChunk({ width, height, depth = 8, colour = 2, interlace = 0 }: PngShape): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([depth, colour, 0, 0, interlace], 8);
  return chunk('IHDR', data);
}

export const pngOf = (...chunks: readonly Buffer[]): Buffer => Buffer.concat([pngSignature, ...chunks, chunk('IEND')]);

/** A picture of the shape whose data is these bytes before they are deflated. */
export const pngFile = (shape: PngShape, raw: Uint8Array): Buffer =>
  pngOf(headerChunk(shape), chunk('IDAT', deflateSync(raw)));
