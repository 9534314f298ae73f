/**
 * Every file of a model folder is opened here. Opening a pipe waits for a writer and holds one of the four threads that Node
 * reads files with; a device never ends; a large file fills the memory. So all but regular files are refused before they are
 * opened, and too large ones before they are read.
 */
import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

export type RefusalCode = 'not-found' | 'not-a-file' | 'too-large' | 'unreadable';

/** Why a file is not read. The message is a sentence about the file, which it does not name. */
export class FileRefused extends Error {
  constructor(
    readonly code: RefusalCode,
    message: string,
  ) {
    super(message);
  }
}

/** Should a pipe take the file's place after the look at it, it is opened at once; Windows has no such flag. */
const readAtOnce = constants.O_RDONLY | ((constants as { readonly O_NONBLOCK?: number }).O_NONBLOCK ?? 0);

const kindOf = (about: Stats): string =>
  about.isDirectory() ? 'a folder' : about.isFIFO() ? 'a named pipe' : about.isSocket() ? 'a socket' : 'a device';

const expectRegular = (about: Stats): void => {
  if (!about.isFile()) throw new FileRefused('not-a-file', `It is ${kindOf(about)}, no regular file.`);
};

const refusalOf = (error: unknown): FileRefused => {
  if (error instanceof FileRefused) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new FileRefused('not-found', 'It does not exist.');
  if (code === 'ELOOP') return new FileRefused('unreadable', 'It is a link to itself.');
  if (code === 'EACCES' || code === 'EPERM') return new FileRefused('unreadable', `It may not be read (${code}).`);
  return new FileRefused('unreadable', `It cannot be read (${code ?? 'unknown error'}).`);
};

export interface RegularFile {
  readonly handle: FileHandle;
  /** Bytes when it was opened. */
  readonly size: number;
}

/** Opens a regular file to read; the caller closes it. Throws FileRefused. */
export async function openRegular(path: string): Promise<RegularFile> {
  let handle: FileHandle | undefined;
  try {
    expectRegular(await stat(path));
    handle = await open(path, readAtOnce);
    const about = await handle.stat();
    expectRegular(about);
    return { handle, size: about.size };
  } catch (error) {
    await handle?.close();
    throw refusalOf(error);
  }
}

/** Equal for all names of a file: links lead to one path, hard links have one number. Some file systems number nothing. */
export const fileIdentity = (real: string): Promise<string> =>
  stat(real, { bigint: true }).then(
    ({ dev, ino }) => (ino === 0n ? real : `${dev}:${ino}`),
    () => real,
  );

/** The first bytes of an open file, fewer where it ends before. */
export async function readBytes(handle: FileHandle, length: number, position = 0): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** All bytes of a regular file of at most `largest` bytes. Throws FileRefused. */
export async function readRegular(path: string, largest: number): Promise<Buffer> {
  const { handle, size } = await openRegular(path);
  try {
    if (size > largest) {
      throw new FileRefused('too-large', `It has ${size} bytes, and at most ${largest} are read.`);
    }
    return await readBytes(handle, size);
  } catch (error) {
    throw refusalOf(error);
  } finally {
    await handle.close();
  }
}
