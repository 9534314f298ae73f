/** Whether a new checkpoint can be written to a folder: everything that can be said before anything is written. */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, isAbsolute, sep } from 'node:path';
import { refusal } from '../../protocol/wire/failures';
import { filesToCopy } from './copied-files';
import type { Disk } from './disk';

/** Beside the tensors and the files that are copied: configuration, headers, what was done. */
const configBytes = 2 ** 26;

/** The folder by its real path, or by that of the folder that it is going to lie in. */
export async function requirePlace(target: string, source: string, weightBytes: number, on: Disk): Promise<string> {
  const folder = await realPlace(target);
  const own = await realpath(source);
  if (!(await stat(own)).isDirectory())
    throw refusal(
      `${source} is a single file, but a new checkpoint is made from a folder with a config.json and .safetensors files. Choose the folder of the model that the file was made from.`,
    );
  if (isInside(own, folder) || isInside(folder, own)) {
    throw refusal(`${target} lies in the folder of the model, or the model in it. Choose a folder apart from it.`);
  }
  const names = await namesIn(folder, target);
  if (names.length > 0) throw refusal(`${target} holds files already. Choose a new or an empty folder.`);
  const besides = (await filesToCopy(own)).reduce((sum, { bytes }) => sum + bytes, configBytes);
  const [needed, free] = [weightBytes + besides, await on.free(dirname(folder))];
  if (free < needed) {
    throw refusal(
      `The new checkpoint takes ${megabytes(needed)} MB, and the disk of ${dirname(target)} has ${megabytes(free)} MB free. Free some, or choose a folder on another disk.`,
    );
  }
  return folder;
}

async function realPlace(target: string): Promise<string> {
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined) {
    try {
      return await realpath(target);
    } catch {
      throw refusal(`${target} is a link, and nothing is where it leads. Remove it, or choose another folder.`);
    }
  }
  const parent = dirname(target);
  try {
    return join(await realpath(parent), basename(target));
  } catch {
    throw refusal(`${parent} does not exist, so nothing can be written into it. Create it, or choose another folder.`);
  }
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6);

const isInside = (outer: string, inner: string): boolean => {
  const way = relative(outer, inner);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
};

async function namesIn(folder: string, target: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw refusal(`${target} is no folder that can be written (${message}). Choose another.`);
  }
}
