/** What the first bytes of a picture's file say, before anything is decoded. */

export interface PictureHeader {
  readonly format: 'PNG' | 'JPEG';
  readonly width: number;
  readonly height: number;
  /** Channels of a JPEG. */
  readonly components?: number;
  /** How a JPEG was held by the camera: 1 to 8 as EXIF counts them (tag 0x0112); absent: 1. */
  readonly orientation?: number;
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

/** A PNG whose file ends before its last chunk (`IEND`), as when a download broke off. */
export function isCutOff(bytes: Buffer): boolean {
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IEND') return end > bytes.length;
    at = end;
  }
  return true;
}

/** Start-of-frame markers (ITU-T T.81, table B.1): C0 to CF but for C4, C8 and CC. */
const startsFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function jpegHeader(bytes: Buffer): PictureHeader {
  let at = 2;
  let orientation: number | undefined;
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
        ...(orientation === undefined ? {} : { orientation }),
      };
    }
    // APP1 holds EXIF.
    if (marker === 0xe1) orientation ??= orientationOf(bytes.subarray(at + 4, at + 2 + bytes.readUInt16BE(at + 2)));
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return { format: 'JPEG', width: 0, height: 0 };
}

/** Of an EXIF segment (`Exif\0\0`, then a TIFF header and its first directory); undefined when it is none or says nothing. */
function orientationOf(segment: Buffer): number | undefined {
  if (segment.length < 14 || segment.toString('latin1', 0, 4) !== 'Exif') return undefined;
  const tiff = segment.subarray(6);
  const little = tiff.toString('latin1', 0, 2) === 'II';
  const short = (at: number): number =>
    at + 2 > tiff.length ? 0 : little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at);
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  for (let entry = 0; entry < short(directory); entry++) {
    const at = directory + 2 + entry * 12;
    if (at + 12 > tiff.length) return undefined;
    if (short(at) !== 0x0112) continue;
    const value = short(at + 8);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
