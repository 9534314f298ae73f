/**
 * The one place that deletes and renames. What goes is one of three: what this process made itself, what lies in a folder with
 * Headscope's mark and has the form of its entries, or a file whose own content says that it is Headscope's. A folder is emptied
 * file by file and removed when it is empty, so that a file that nobody expected stays; only temporary folders, which nobody
 * else writes to, go with everything in them.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isMarked, markFile, temporaryMark } from './mark';

/** Files and folders that this process made and that have no other name yet. */
const made = new Set<string>();

const requireMade = (path: string): void => {
  if (!made.has(resolve(path))) throw new RangeError(`${path} was not made by this process`);
};

/** A file that was not there. It fails with EEXIST where a file, a link or a folder has the name. */
export async function createFile(path: string, mode?: number): Promise<FileHandle> {
  const file = await open(path, 'wx', mode);
  made.add(resolve(path));
  return file;
}

/** A folder that was not there, with a random end to its name. */
export async function createFolder(prefix: string): Promise<string> {
  // Not by mkdtemp, whose folders only this user may read: it gets the name of a folder that others may.
  const folder = `${prefix}${randomBytes(6).toString('hex')}`;
  await mkdir(folder);
  made.add(resolve(folder));
  return folder;
}

/** Gives a file of `createFile` its name; a file of that name is replaced, and a link itself, not what it leads to. */
export async function putInPlace(fresh: string, path: string): Promise<void> {
  requireMade(fresh);
  await rename(fresh, path);
  made.delete(resolve(fresh));
}

/** Gives a folder of `createFolder` its name, which is free or that of an empty folder. */
export async function nameFolder(fresh: string, path: string): Promise<void> {
  requireMade(fresh);
  // Windows renames onto no folder that is there, however empty. A folder that is not empty is not removed by this.
  if (process.platform === 'win32') await rmdir(path).catch(() => {});
  await rename(fresh, path);
  made.delete(resolve(fresh));
}

/** Deletes a file of `createFile` that got no name. */
export async function dropFile(path: string): Promise<void> {
  requireMade(path);
  await rm(path, { force: true });
  made.delete(resolve(path));
}

/** Deletes a folder of `createFolder` that got no name, with everything in it. */
export async function dropFolder(path: string): Promise<void> {
  requireMade(path);
  await rm(path, { recursive: true, force: true });
  made.delete(resolve(path));
}

/** A temporary folder, which says so: another process may remove it when this one was killed. */
export async function createTemporary(prefix: string): Promise<string> {
  const folder = await mkdtemp(prefix);
  await writeFile(join(folder, markFile), temporaryMark, { flag: 'wx' });
  return folder;
}

export function createTemporaryNow(prefix: string): string {
  const folder = mkdtempSync(prefix);
  writeFileSync(join(folder, markFile), temporaryMark, { flag: 'wx' });
  return folder;
}

/** Deletes a folder of `createTemporary`, of this process or another; anything else stays. True when it went. */
export async function removeTemporary(folder: string): Promise<boolean> {
  if (!isTemporary(folder)) return false;
  await rm(folder, { recursive: true, force: true });
  return true;
}

/** The same. Tried again while another process still writes into it. */
export function removeTemporaryNow(folder: string): void {
  if (isTemporary(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

function isTemporary(folder: string): boolean {
  try {
    const tag = join(folder, markFile);
    return lstatSync(folder).isDirectory() && lstatSync(tag).isFile() && readFileSync(tag, 'utf8') === temporaryMark;
  } catch {
    return false;
  }
}

/** What lies in a folder: files by the pattern of their names, and folders with what lies in them. */
export interface Form {
  readonly files?: RegExp;
  readonly folders?: { readonly names: RegExp; readonly hold: Form };
}

const unfinishedName = /^\.headscope-[0-9a-f]{16}\.tmp$/;

/** Whether a name is one of `nameUnfinished`. */
export const isUnfinished = (name: string): boolean => unfinishedName.test(name);

/** A name for a file that gets its own when it is whole. */
export const nameUnfinished = (): string => `.headscope-${randomBytes(8).toString('hex')}.tmp`;

/**
 * The files and folders of an entry, innermost first; undefined where anything in it has not its form. A link is never of a form,
 * and is not followed.
 */
export async function partsOf(path: string, name: string, form: Form): Promise<readonly Part[] | undefined> {
  const about = await lstat(path).catch(() => undefined);
  if (about === undefined) return undefined;
  if (about.isFile()) {
    // What a killed process was writing is left over beside the files.
    const isOf = form.files?.test(name) === true || unfinishedName.test(name);
    return isOf ? [{ path, bytes: about.size, isFile: true }] : undefined;
  }
  if (!about.isDirectory() || form.folders?.names.test(name) !== true) return undefined;
  const parts: Part[] = [];
  for (const inner of await readdir(path)) {
    const some = await partsOf(join(path, inner), inner, form.folders.hold);
    if (some === undefined) return undefined;
    parts.push(...some);
  }
  return [...parts, { path, bytes: 0, isFile: false }];
}

export interface Part {
  readonly path: string;
  readonly bytes: number;
  readonly isFile: boolean;
}

/** Deletes an entry of a folder with Headscope's mark, if it is of its form. True when it is gone. */
export async function removeEntry(folder: string, name: string, form: Form): Promise<boolean> {
  if (!(await isMarked(folder))) return false;
  const parts = await partsOf(join(folder, name), name, form);
  if (parts === undefined) return false;
  for (const { path, isFile } of parts) {
    try {
      await (isFile ? unlink(path) : rmdir(path));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another process was quicker, or wrote into it again.
      if (code !== 'ENOENT') return false;
    }
  }
  return true;
}

/** Deletes a regular file outside of such folders if its content proves that Headscope wrote it. */
export async function removeProven(path: string, isOurs: (content: Buffer) => boolean): Promise<void> {
  try {
    if ((await lstat(path)).isFile() && isOurs(await readFile(path))) await unlink(path);
  } catch {
    // It stays.
  }
}

/** Gives such a file another name, which no file has. True when it is there. */
export async function moveProven(path: string, to: string, isOurs: (content: Buffer) => boolean): Promise<boolean> {
  const isFree = await lstat(to).then(
    () => false,
    (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT',
  );
  if (!isFree || !(await lstat(path)).isFile() || !isOurs(await readFile(path))) return false;
  await rename(path, to);
  return true;
}

/** Deletes such a file where other processes put one too: one that came since it was looked at stays. */
export async function removeShared(path: string, isOurs: (content: Buffer) => boolean): Promise<void> {
  try {
    if (!(await lstat(path)).isFile() || !isOurs(await readFile(path))) return;
    const aside = join(dirname(path), nameUnfinished());
    await rename(path, aside);
    if (!isOurs(await readFile(aside))) await link(aside, path);
    await unlink(aside);
  } catch {
    // It stays.
  }
}

/** Removes a folder that the last file of Headscope's has left empty; any other stays. */
export const removeEmpty = (folder: string): Promise<void> => rmdir(folder).catch(() => {});
