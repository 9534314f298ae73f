/** The marker segments of a JPEG (ITU-T T.81, annex B). */
import type { PictureHeader } from './picture-header';
import { CutOff, StructureError } from './structure-error';

export interface JpegHeader extends PictureHeader {
  readonly format: 'JPEG';
}

/** Frames that libjpeg decodes: baseline, extended sequential and progressive, each with Huffman codes. */
const decodedFrames = [0xc0, 0xc1, 0xc2];

/** Published progressive files have about ten; each goes over the whole picture again. */
const mostScans = 100;

/** A coefficient of two bytes for each sample, as libjpeg holds those of a progressive picture. */
const pixelBytes = 6;

export function readJpeg(bytes: Buffer): JpegHeader {
  let at = 2;
  let frame: { readonly width: number; readonly height: number } | undefined;
  let orientation: number | undefined;
  let scans = 0;
  for (;;) {
    if (at + 1 >= bytes.length) throw new CutOff();
    if (bytes[at] !== 0xff) throw new StructureError('there are bytes between its segments');
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9) {
      if (!frame || scans === 0) throw new StructureError('it has no picture in it');
      return {
        format: 'JPEG',
        ...frame,
        ...(orientation === undefined ? {} : { orientation }),
        pixelBytes,
        bytes: bytes.subarray(0, at + 2),
      };
    }
    if (marker === 0xd8) throw new StructureError('it begins twice (SOI)');
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7) || marker === 0x00) {
      throw new StructureError('a marker of its data is outside it');
    }
    if (at + 4 > bytes.length) throw new CutOff();
    const length = bytes.readUInt16BE(at + 2);
    if (length < 2) throw new StructureError(`a segment of it has ${length} bytes`);
    const end = at + 2 + length;
    if (end > bytes.length) throw new CutOff();
    const content = bytes.subarray(at + 4, end);
    at = end;
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xcc) {
      if (frame) throw new StructureError('it has two frame headers');
      frame = frameOf(marker, content);
    } else if (marker === 0xcc) {
      throw new StructureError('it is coded arithmetically, which is not read');
    } else if (marker === 0xdc || marker === 0xde || marker === 0xdf) {
      throw new StructureError('it changes its size on the way (DNL or a hierarchy of frames), which is not read');
    } else if (marker === 0xe1) {
      orientation ??= orientationOf(content);
    } else if (marker === 0xda) {
      if (!frame) throw new StructureError('its data comes before its frame header');
      if (++scans > mostScans) throw new StructureError(`it has more than ${mostScans} scans`);
      at = endOfScan(bytes, at);
    }
  }
}

function frameOf(marker: number, content: Buffer): { readonly width: number; readonly height: number } {
  if (!decodedFrames.includes(marker)) {
    throw new StructureError(
      `it is of a kind that is not read (frame ${(marker - 0xc0).toString()} of JPEG: lossless, hierarchical or arithmetic)`,
    );
  }
  const components = content[5] ?? 0;
  if (content.length !== 6 + 3 * components) {
    throw new StructureError(`its frame header has ${content.length} bytes for ${components} components`);
  }
  if (content[0] !== 8) throw new StructureError(`it has ${content[0]} bits a sample, and 8 are read`);
  if (components === 4) throw new StructureError(fourInks);
  if (components !== 1 && components !== 3)
    throw new StructureError(`it has ${components} components, and 1 or 3 are read`);
  for (let each = 0; each < components; each++) {
    const factors = content[7 + 3 * each] ?? 0;
    if (factors >> 4 < 1 || factors >> 4 > 4 || (factors & 15) < 1 || (factors & 15) > 4) {
      throw new StructureError('its frame header names a sampling that JPEG does not have');
    }
  }
  return { height: content.readUInt16BE(1), width: content.readUInt16BE(3) };
}

const fourInks = 'it has four inks (CMYK), which are not read';

/** Entropy-coded data: FF stands before 0 or a restart marker (B.1.1.5); another marker ends it. */
function endOfScan(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= bytes.length) throw new CutOff();
    const next = bytes[at + 1] ?? 0;
    if (next !== 0x00 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
    at += next === 0xff ? 1 : 2;
  }
}

/** The orientation in an EXIF segment (`Exif\0\0`, then a TIFF header and its first directory); undefined where it has none. */
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
