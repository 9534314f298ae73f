/**
 * A picture's file to pixels, in a process of its own (decoder.ts). PNG by @jsquash/png (the png crate of Rust as
 * WebAssembly), JPEG by @jsquash/jpeg (mozjpeg, a libjpeg-turbo); both equal Pillow 11.1 bit by bit on every kind of file in
 * test/fixtures/pictures. Alpha is dropped and palettes are looked up, as `Image.convert('RGB')` does; a JPEG is turned as its
 * EXIF orientation says, as `load_image` of transformers does.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createInflate } from 'node:zlib';
import type { Pixels } from '../../models/images/pixels';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { bytesInWords } from '../../protocol/wire/words';
import { DecoderError, decodeJpeg, decodePng } from './decoders';
import { headerOf } from './header';
import type { PictureHeader } from './picture-header';
import type { PngHeader } from './png-structure';
import { CutOff, StructureError } from './structure-error';

/** Pictures beyond are no prompts. */
const mostPixels = 64_000_000;
/** A strip that is longer takes longer to decode, row by row, than its pixels are worth. */
const mostSide = 8_000_000;
const largestFile = 128_000_000;
/** The most bytes that the file, its stored pixels, RGBA twice (in the decoder and outside it) and RGB may take together. */
const mostBytes = 1_000_000_000;

export interface DecodedPicture extends Pixels {
  readonly sha256: string;
}

/** A decoder that has stumbled is not asked again: the process that holds it ends. */
export class Stumbled extends FailureError {}

export interface DecodeOptions {
  /** Bytes that decoding may take, beside `mostBytes`. */
  readonly memoryLimit?: number | undefined;
  /** Called before the pixels are decoded. */
  readonly onSize?: (pixels: number) => void | Promise<void>;
}

export async function decodePicture(path: string, options: DecodeOptions = {}): Promise<DecodedPicture> {
  const bytes = await bytesOf(path);
  const header = structureOf(bytes, path);
  checkSize(header, bytes.length, path, options.memoryLimit);
  await options.onSize?.(header.width * header.height);
  const pixels = await decode(header, path);
  return { ...pixels, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function bytesOf(path: string): Promise<Buffer> {
  let size: number;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw refusal(`${path} is not a file. Name a PNG or JPEG file.`);
    size = found.size;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw refusal(`There is no image at ${path}. Check the path.`);
  }
  if (size > largestFile) {
    throw refusal(
      `The image ${path} is a file of ${bytesInWords(size)}, and at most ${bytesInWords(largestFile)} are read. Save it smaller.`,
    );
  }
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw refusal(`The image ${path} cannot be read (${code ?? String(error)}). Check its permissions.`);
  }
}

function structureOf(bytes: Buffer, path: string): PictureHeader {
  try {
    const header = headerOf(bytes);
    if (header) return header;
  } catch (error) {
    throw unreadable(path, error);
  }
  throw refusal(`${path} is neither a PNG nor a JPEG file by its first bytes. Convert it to one of them.`);
}

const unreadable = (path: string, error: unknown): unknown => {
  if (error instanceof CutOff) return refusal(`The image ${path} is cut off: ${error.message}. Copy it again.`);
  if (error instanceof StructureError) {
    return refusal(
      `The image ${path} does not decode: ${error.message}. Open it in an image program and save it again.`,
    );
  }
  return error;
};

function checkSize(header: PictureHeader, fileBytes: number, path: string, memoryLimit = Infinity): void {
  const { format, width, height, pixelBytes } = header;
  if (width === 0 || height === 0) {
    throw refusal(
      `The image ${path} does not decode: its ${format} header gives ${width} x ${height} pixels. Copy it again.`,
    );
  }
  if (Math.max(width, height) > mostSide || width * height > mostPixels) {
    throw refusal(
      `The image ${path} has ${width} x ${height} pixels, and at most ${mostPixels / 1e6} million are decoded, ${mostSide / 1e6} million along a side. Scale it down.`,
    );
  }
  const needed = fileBytes + width * height * (pixelBytes + 4 + 4 + 3);
  const limit = Math.min(mostBytes, memoryLimit);
  if (needed > limit) {
    throw refusal(
      `The image ${path} of ${width} x ${height} pixels needs ${bytesInWords(needed)} to decode, and the limit is ${bytesInWords(limit)}. Scale it down.`,
    );
  }
}

async function decode(header: PictureHeader, path: string): Promise<Pixels> {
  const { format, width, height, bytes } = header;
  try {
    if (format === 'PNG') await checkInflated(header as PngHeader);
    const data = await (format === 'PNG' ? decodePng : decodeJpeg)(bytes, width, height);
    return upright({ width, height, data: withoutAlpha(data) }, header.orientation ?? 1);
  } catch (error) {
    if (error instanceof DecoderError) {
      throw new Stumbled({
        code: 'bad-request',
        detail: `The image ${path} does not decode as ${format} (${error.message}). Open it in an image program and save it again.`,
      });
    }
    throw unreadable(path, error);
  }
}

/**
 * The data of a PNG inflates to exactly the bytes that its header asks for. It is counted as it comes and kept nowhere, so
 * that what would inflate a thousandfold takes no memory.
 */
function checkInflated({ data, inflated }: PngHeader): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    const stream = createInflate();
    const fail = (error: Error) => {
      stream.destroy();
      reject(error);
    };
    stream.on('data', (part: Buffer) => {
      seen += part.length;
      if (seen > inflated) fail(new StructureError('it holds more data than its header asks for'));
    });
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // zlib calls a stream that ends early a buffer error.
      fail(new StructureError(error.code === 'Z_BUF_ERROR' ? 'its data ends early' : 'its data is damaged'));
    });
    stream.on('end', () => {
      if (seen === inflated) resolve();
      else reject(new StructureError('it holds less data than its header asks for'));
    });
    for (const piece of data) stream.write(piece);
    stream.end();
  });
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
      // Column and row in the stored picture, before its own axes are flipped.
      const [column, row] = turned ? [y, x] : [x, y];
      const fromX = flipX ? stored.width - 1 - column : column;
      const fromY = flipY ? stored.height - 1 - row : row;
      const from = (fromY * stored.width + fromX) * 3;
      const to = (y * width + x) * 3;
      data[to] = stored.data[from] ?? 0;
      data[to + 1] = stored.data[from + 1] ?? 0;
      data[to + 2] = stored.data[from + 2] ?? 0;
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
