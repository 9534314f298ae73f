/** Files that the input or a parameter of an analysis names. */
import { isUtf8 } from 'node:buffer';
import { notUtf8 } from '../../protocol/wire/utf8';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrawnPictures, PictureRequest } from '../../diagnostics/model-runner/model-runner';
import { refusal } from '../../protocol/wire/failures';
import { whyUnread } from '../../protocol/wire/unread';
import { sampled } from '../model/prompt/picture-sample';

export const textFile = async (path: string): Promise<string> => utf8Lines(await orRefused(path, readFile(path)));

/** The same pictures that `headscope captions` draws. */
export async function drawnPictures(request: PictureRequest): Promise<DrawnPictures> {
  const { folder, wanted, count, seed, subfolders, drawn } = request;
  const all = (subfolders ? await namesBelow(folder) : await orRefused(folder, readdir(folder))).filter(wanted).sort();
  const able = drawn?.(all);
  const names = able ? all.filter((name) => able.has(name)) : all;
  const pictures = names.map((name) => ({ name, path: join(folder, name) }));
  const files = sampled(pictures, { count, seed }).map(async (picture) => {
    const { size, mtimeMs } = await orRefused(picture.path, stat(picture.path));
    return { ...picture, stamp: `${size}.${mtimeMs}` };
  });
  return { files: await Promise.all(files), of: names.length };
}

/** Names in the folder and, as `folder/name`, in the folders that it holds. */
async function namesBelow(folder: string): Promise<readonly string[]> {
  const entries = await orRefused(folder, readdir(folder, { withFileTypes: true }));
  const names = entries.map(async (entry) => {
    if (!entry.isDirectory()) return [entry.name];
    const below = join(folder, entry.name);
    return (await orRefused(below, readdir(below))).map((name) => `${entry.name}/${name}`);
  });
  return (await Promise.all(names)).flat();
}

async function orRefused<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    const detail = `${path} cannot be read: ${whyUnread(error)}. Check the path.`;
    throw refusal(detail);
  }
}

/** The text of a file; each line that is not UTF-8 is marked, for whoever reads the lines to leave it out by name. */
export function utf8Lines(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const lines: string[] = [];
  for (let from = 0; from <= bytes.length;) {
    const found = bytes.indexOf(10, from);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(from, end);
    lines.push(isUtf8(line) ? line.toString('utf8') : marked(line.toString('utf8')));
    from = end + 1;
  }
  return lines.join('\n');
}

/** Before the carriage return of a line that ends in both. */
const marked = (line: string): string => line.replace(/\r?$/, (end) => notUtf8 + end);

/** Without the character that the end of the bytes cuts in two, of which there are at most three. */
export function wholeCharacters(bytes: Buffer): Buffer {
  for (let short = 1; short <= Math.min(3, bytes.length); short += 1) {
    const byte = bytes[bytes.length - short] ?? 0;
    if (byte < 0x80) break;
    // The first byte of a character says how many it has.
    if (byte >= 0xc0) return short < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? bytes.subarray(0, -short) : bytes;
  }
  return bytes;
}
