/**
 * One strict reading of a picture's file before anything is decoded: its whole structure, so that what the decoder meets is
 * what the header says, and what is given to it.
 */
import { readJpeg } from './jpeg-structure';
import type { PictureHeader } from './picture-header';
import { pngSignature, readPng } from './png-structure';

/** By the first bytes; undefined when it is neither. */
function formatOf(bytes: Uint8Array): PictureHeader['format'] | undefined {
  if (bytes.length >= 8 && pngSignature.equals(bytes.subarray(0, 8))) return 'PNG';
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? 'JPEG' : undefined;
}

/** Undefined when it is neither PNG nor JPEG; throws a StructureError where the structure is broken. */
export function headerOf(bytes: Buffer): PictureHeader | undefined {
  switch (formatOf(bytes)) {
    case 'PNG':
      return readPng(bytes);
    case 'JPEG':
      return readJpeg(bytes);
    case undefined:
      return undefined;
  }
}
