import { randomBytes } from 'node:crypto';
import { lstat, open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Why a file was not written. The message is a sentence about the file, which it does not name. */
export class NotWritten extends Error {}

const reasonOf = (error: unknown): NotWritten => {
  if (error instanceof NotWritten) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return new NotWritten(
    code === 'ENOENT' ? 'Its folder does not exist. Make the folder first.' : `It cannot be written (${code}).`,
  );
};

/** What keeps a file that is there from being changed, as a sentence; undefined where nothing does. */
export const whyUnchangeable = async (file: string): Promise<string | undefined> => {
  const about = await lstat(file);
  if (about.isSymbolicLink()) return 'It is a link, and what it leads to is not changed. Name the target itself.';
  if (!about.isFile()) return 'It is not a regular file.';
  if ((about.mode & 0o222) === 0) return 'It is read-only. Allow writing to have it fixed.';
  return undefined;
};

/** Where a file is written: the target of a link. A device or a pipe would be replaced, and not written to. */
const targetOf = async (name: string): Promise<{ readonly file: string; readonly mode?: number }> => {
  const there = await lstat(name).catch(() => undefined);
  if (there === undefined) return { file: name };
  const file = await realpath(name).catch(() => undefined);
  if (file === undefined) throw new NotWritten('It is a link, and nothing is where it leads. Name another file.');
  const about = await lstat(file);
  if (!about.isFile()) throw new NotWritten('It is not a regular file. Name another.');
  return { file, mode: about.mode & 0o777 };
};

/**
 * Writes a file in one step: whoever reads it meanwhile gets the old bytes or the new ones, and a run that breaks off leaves
 * the old. The permissions of a file that was there stay.
 */
export const writeInOneStep = async (name: string, bytes: string | Buffer): Promise<void> => {
  const { file, mode } = await targetOf(name);
  const fresh = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(fresh, 'wx', mode);
    try {
      await handle.writeFile(bytes);
      // The mask of the process may have taken permissions away.
      if (mode !== undefined) await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw reasonOf(error);
  }
};
