/** What the first bytes of a picture's file say, before anything is decoded. */

export interface PictureHeader {
  readonly format: 'PNG' | 'JPEG';
  readonly width: number;
  readonly height: number;
  /** Channels of a JPEG. */
  readonly components?: number;
}

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Undefined when it is neither; a header that ends early gives 0 x 0. */
export function headerOf(bytes: Buffer): PictureHeader | undefined {
  if (bytes.subarray(0, 8).equals(pngSignature)) {
    const whole = bytes.length >= 24;
    return {
      format: 'PNG',
      width: whole ? bytes.readUInt32BE(16) : 0,
      height: whole ? bytes.readUInt32BE(20) : 0,
    };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegHeader(bytes);
  return undefined;
}

/** Start-of-frame markers (ITU-T T.81, table B.1): C0 to CF but for C4, C8 and CC. */
const startsFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function jpegHeader(bytes: Buffer): PictureHeader {
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (startsFrame(marker)) {
      return {
        format: 'JPEG',
        height: bytes.readUInt16BE(at + 5),
        width: bytes.readUInt16BE(at + 7),
        components: bytes[at + 9] ?? 0,
      };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return { format: 'JPEG', width: 0, height: 0 };
}
