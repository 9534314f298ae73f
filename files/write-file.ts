/** A file written in one step: whoever reads it meanwhile gets the old bytes or the new ones, and a run that breaks off leaves the old. */
import { lstat, open, realpath, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFile, dropFile, nameUnfinished, putInPlace } from './remove';

/** Why a file was not written. The message is a sentence about the file, which it does not name. */
export class NotWritten extends Error {}

/** What the system said, as such a sentence. */
export const reasonOf = (error: unknown): NotWritten => {
  if (error instanceof NotWritten) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const because = (sentence: string): NotWritten => new NotWritten(sentence, { cause: error });
  if (code === 'ENOENT') return because('Its folder does not exist. Make the folder first.');
  if (code === 'ENOSPC') return because('The disk is full. Free some of it, or name a file on another disk.');
  return because(`It cannot be written (${code}). Name another file, or correct its permissions.`);
};

/** A file of Headscope's own, to which lines are added; it is made where there is none. */
export const openToAppend = (path: string): Promise<FileHandle> => open(path, 'a');

/** What keeps a file that is there from being changed, as a sentence; undefined where nothing does. */
export const whyUnchangeable = async (file: string): Promise<string | undefined> => {
  const about = await lstat(file).catch(() => undefined);
  if (about === undefined) return 'It is no longer there.';
  if (about.isSymbolicLink()) return 'It is a link, and what it leads to is not changed. Name the target itself.';
  if (!about.isFile()) return 'It is not a regular file.';
  if ((about.mode & 0o222) === 0) return 'It is read-only. Allow writing to have it fixed.';
  return undefined;
};

export interface HowToWrite {
  /**
   * What a link leads to is written. Without it the name itself is replaced, also where a link was put in its place since it was
   * looked at.
   */
  readonly throughLinks?: boolean;
  /** It need not outlive a crash of the machine: the disk is not waited for. */
  readonly isCache?: boolean;
}

/** The permissions of a file that was there stay. Throws NotWritten. */
export const writeInOneStep = async (
  name: string,
  content: string | Uint8Array,
  { throughLinks = false, isCache = false }: HowToWrite = {},
): Promise<void> => {
  try {
    const file = throughLinks ? await realpath(name).catch(() => name) : name;
    const about = await lstat(file).catch(() => undefined);
    await writeBeside(file, content, { mode: about?.isFile() === true ? about.mode & 0o777 : undefined, isCache });
  } catch (error) {
    throw reasonOf(error);
  }
};

async function writeBeside(
  file: string,
  content: string | Uint8Array,
  { mode, isCache }: { readonly mode: number | undefined; readonly isCache: boolean },
): Promise<void> {
  const fresh = join(dirname(file), nameUnfinished());
  const handle = await createFile(fresh, mode);
  try {
    try {
      await handle.writeFile(content);
      // The mask of the process may have taken permissions away.
      if (mode !== undefined) await handle.chmod(mode);
      if (!isCache) await handle.sync();
    } finally {
      await handle.close();
    }
    await putInPlace(fresh, file);
  } catch (error) {
    await dropFile(fresh).catch(() => undefined);
    throw error;
  }
}

/** A file under a name that is free, whole or not at all. Fails with EEXIST where the name is taken. */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await createFile(path);
  try {
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
  } catch (error) {
    await dropFile(path).catch(() => undefined);
    throw error;
  }
}
