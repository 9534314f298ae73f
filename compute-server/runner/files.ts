/** Files that the input or a parameter of an analysis names. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrawnPictures, PictureRequest } from '../../diagnostics/model-runner/model-runner';
import { refusal } from '../../protocol/wire/failures';
import { whyUnread } from '../../protocol/wire/unread';
import { sampled } from '../model/prompt/picture-sample';
import { utf8Lines } from './utf8-lines';

export const textFile = async (path: string): Promise<string> => utf8Lines(await orRefused(path, readFile(path)));

/** The same pictures that `headscope captions` draws. */
export async function drawnPictures(request: PictureRequest): Promise<DrawnPictures> {
  const { folder, wanted, count, seed, subfolders } = request;
  const names = (subfolders ? await namesBelow(folder) : await orRefused(folder, readdir(folder)))
    .filter(wanted)
    .sort();
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
