/** Whether a new checkpoint can be written to a folder: everything that can be said before anything is written. */
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, isAbsolute, sep } from 'node:path';
import { FailureError } from '../../protocol/wire/failures';
import type { Disk } from './disk';

const bad = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });

/** Beside the tensors: tokenizer, configuration, headers. */
const besides = 2 ** 26;

/** The folder by the real path of the one that it lies in. */
export async function requirePlace(target: string, source: string, weightBytes: number, on: Disk): Promise<string> {
  const parent = dirname(target);
  let above: string;
  try {
    above = await realpath(parent);
  } catch {
    throw bad(`${parent} does not exist, so nothing can be written into it. Create it, or choose another folder.`);
  }
  const folder = join(above, basename(target));
  const own = await realpath(source);
  if (isInside(own, folder) || isInside(folder, own)) {
    throw bad(`${target} lies in the folder of the model, or the model in it. Choose a folder apart from it.`);
  }
  const names = await namesIn(folder, target);
  if (names.length > 0) throw bad(`${target} holds files already. Choose a new or an empty folder.`);
  const [needed, free] = [weightBytes + besides, await on.free(above)];
  if (free < needed) {
    throw bad(
      `The new checkpoint takes ${megabytes(needed)} MB, and the disk of ${parent} has ${megabytes(free)} MB free. Free some, or choose a folder on another disk.`,
    );
  }
  return folder;
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
    throw bad(`${target} is no folder that can be written (${message}). Choose another.`);
  }
}
