/**
 * A picture's file to pixels. PNG by pngjs; JPEG by @cwasm/jpeg-turbo, which is libjpeg-turbo as Pillow links it (equal to
 * Pillow 11.1 bit by bit on 4:4:4, 4:2:0, progressive and grey files; jpeg-js, which has no smooth chroma, is up to 52 of 255
 * away). Alpha is dropped and palettes are looked up, as `Image.convert('RGB')` does; a JPEG is turned as its EXIF orientation
 * says, as `load_image` of transformers does.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { FailureError } from '../../protocol/wire/failures';
import { bytesInWords } from '../../protocol/wire/words';
import type { Pixels } from '../../models/images/pixels';
import { headerOf, isCutOff } from './header';

/** Decoding takes 4 bytes a pixel and a copy; pictures beyond are no prompts. */
export const mostPixels = 64_000_000;
const largestFile = 128_000_000;

export interface DecodedPicture extends Pixels {
  readonly sha256: string;
}

const refused = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });

export async function readPicture(path: string): Promise<DecodedPicture> {
  let size: number;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw refused(`${path} is no file. Name a PNG or JPEG file.`);
    size = found.size;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw refused(`There is no image ${path}. Check the path.`);
  }
  if (size > largestFile) {
    throw refused(
      `The image ${path} is a file of ${bytesInWords(size)}, and at most ${bytesInWords(largestFile)} are read. Save it smaller.`,
    );
  }
  const bytes = await readFile(path);
  return { ...(await decode(bytes, path)), sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function decode(bytes: Buffer, path: string): Promise<Pixels> {
  const header = headerOf(bytes);
  if (!header) throw refused(`${path} is no PNG and no JPEG file by its first bytes. Convert it to one of them.`);
  const { format, width, height } = header;
  if (width === 0 || height === 0) {
    throw refused(`The image ${path} does not decode: its ${format} header gives ${width} x ${height} pixels.`);
  }
  if (width * height > mostPixels) {
    throw refused(
      `The image ${path} has ${width} x ${height} pixels, and at most ${mostPixels / 1e6} million are decoded. Scale it down.`,
    );
  }
  if (format === 'JPEG' && header.components === 4) {
    throw refused(`The image ${path} is a JPEG of four inks (CMYK), which is not read. Convert it to RGB.`);
  }
  let decoded: { readonly width: number; readonly height: number; readonly data: Uint8Array | Uint8ClampedArray };
  try {
    // Loaded when a picture comes: most runs have none.
    decoded =
      format === 'PNG'
        ? (await import('pngjs')).PNG.sync.read(bytes)
        : (await import('@cwasm/jpeg-turbo')).decode(bytes);
  } catch (error) {
    if (format === 'PNG' && isCutOff(bytes)) {
      throw refused(`The image ${path} is cut off: its file ends in the middle of the picture. Copy it again.`);
    }
    const why = error instanceof Error ? error.message : String(error);
    throw refused(`The image ${path} does not decode as ${format} (${why}). Open and save it again.`);
  }
  const stored = { width: decoded.width, height: decoded.height, data: withoutAlpha(decoded.data) };
  return upright(stored, header.orientation ?? 1);
}

/** The picture as a person holds it (`ImageOps.exif_transpose` of Pillow, and what every viewer shows). */
function upright(stored: Pixels, orientation: number): Pixels {
  if (orientation === 1) return stored;
  const turned = orientation >= 5;
  const [width, height] = turned ? [stored.height, stored.width] : [stored.width, stored.height];
  const flipX = [2, 3, 7, 8].includes(orientation);
  const flipY = [3, 4, 6, 7].includes(orientation);
  const data = new Uint8Array(stored.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Of the stored picture, before its own axes are flipped.
      const [column, row] = turned ? [y, x] : [x, y];
      const fromX = flipX ? stored.width - 1 - column : column;
      const fromY = flipY ? stored.height - 1 - row : row;
      const from = (fromY * stored.width + fromX) * 3;
      data.set(stored.data.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data };
}

function withoutAlpha(data: Uint8Array | Uint8ClampedArray): Uint8Array {
  const pixels = data.length / 4;
  const out = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    out[i * 3] = data[i * 4] ?? 0;
    out[i * 3 + 1] = data[i * 4 + 1] ?? 0;
    out[i * 3 + 2] = data[i * 4 + 2] ?? 0;
  }
  return out;
}
