/** What a new checkpoint is written through. A test puts a disk in its place that is full. */
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createFolder, dropFolder, nameFolder } from '../../files/remove';

interface WrittenFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Waits until the bytes are on the disk. */
  finish(): Promise<void>;
  /** Without waiting: the file will be removed. */
  drop(): Promise<void>;
}

export interface Disk {
  /** Bytes that this user may write on the disk of a folder. */
  free(folder: string): Promise<number>;
  create(path: string): Promise<WrittenFile>;
  /** A new folder, whose name begins with the path. */
  makeFolder(prefix: string): Promise<string>;
  /** Gives a folder of `makeFolder` its name; the name is free, or that of an empty folder. */
  name(folder: string, path: string): Promise<void>;
  /** Removes a folder of `makeFolder`. */
  remove(folder: string): Promise<void>;
}

export const disk: Disk = {
  async free(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  async create(path) {
    const file = await open(path, 'wx');
    return {
      async write(bytes) {
        for (let at = 0; at < bytes.length;) {
          const { bytesWritten } = await file.write(bytes, at);
          at += bytesWritten;
        }
      },
      async finish() {
        await file.sync();
        await file.close();
      },
      drop: () => file.close(),
    };
  },
  makeFolder: createFolder,
  async name(folder, path) {
    await nameFolder(folder, path);
    // The new name itself is on the disk when its folder is; Windows opens no folder for that.
    if (process.platform === 'win32') return;
    const parent = await open(dirname(path), 'r');
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
  },
  remove: dropFolder,
};
