/** The folders that an agent may name files in. What lies elsewhere, also behind a link, is refused before anything is read. */
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { inside } from '../../../models/formats/containment';
import { wrongUsage } from '../exit-codes';

export class Roots {
  constructor(readonly folders: readonly string[]) {}

  /** The full path of a file or folder that may not exist yet; what is relative is so to the first folder. Throws a CommandError. */
  async within(name: string): Promise<string> {
    const [first] = this.folders;
    if (first === undefined) {
      throw wrongUsage(
        `${name} is not read: the client has no folder open. Open one, or start the server with --root FOLDER.`,
      );
    }
    if (name.includes('\0')) throw wrongUsage('A path holds a zero character. Correct it.');
    const path = resolve(first, name);
    const place = await realPlace(path);
    for (const folder of this.folders) {
      const real = await realpath(folder).catch(() => undefined);
      if (real !== undefined && place !== undefined && inside(real, place)) return path;
    }
    throw wrongUsage(
      `${name} is outside the folders that are open (${this.folders.join(', ')}), so it is neither read nor written. Open its folder, or start the server with --root FOLDER.`,
    );
  }
}

/** Where a path leads; of what is not there, the real path of the folder that is. Undefined behind a link that leads nowhere. */
async function realPlace(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined) return real;
  if ((await lstat(path).catch(() => undefined)) !== undefined) return undefined;
  const above = dirname(path);
  const folder = above === path ? undefined : await realPlace(above);
  return folder === undefined ? undefined : join(folder, basename(path));
}
