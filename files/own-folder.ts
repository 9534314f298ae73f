/**
 * A folder of Headscope's own below one that a person names: made with its mark, or found with it. What is kept between runs lies
 * in one, and only from there are entries deleted.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMarked, markFile, ownMark } from './mark';
import { partsOf, removeEntry, type Form } from './remove';
import { writeNew } from './write-file';

export interface Entry {
  readonly name: string;
  readonly bytes: number;
  /** Time of change of the file, or of the folder itself, in ms since 1970. */
  readonly changed: number;
}

export class OwnFolder {
  readonly path: string;

  constructor(
    parent: string,
    name: string,
    /** What Headscope puts into it. */
    private readonly form: Form,
  ) {
    this.path = join(parent, name);
  }

  /** Makes it, with its mark. Fails with a sentence where a folder of that name is a person's. */
  async make(): Promise<void> {
    await mkdir(this.path, { recursive: true });
    if (await isMarked(this.path)) return;
    // A person's folder has files. One that was made by a process that ended before the mark has none.
    if ((await readdir(this.path)).length === 0) {
      try {
        await writeNew(join(this.path, markFile), ownMark);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    // Another process may be writing the mark at this moment.
    for (let look = 0; look < 50; look++) {
      if (await isMarked(this.path)) return;
      if ((await readdir(this.path)).some((name) => name !== markFile)) break;
      await new Promise((next) => setTimeout(next, 20));
    }
    throw new Error(`${this.path} holds files that are not Headscope's, so nothing is kept there`);
  }

  /** What lies in the folder and has a name of the form of its entries, or of some kinds of them. */
  entries(form = this.form): Promise<readonly Entry[]> {
    return entriesOf(this.path, form);
  }

  /** True when it is gone. */
  remove(name: string): Promise<boolean> {
    return removeEntry(this.path, name, this.form);
  }
}

/** What in a folder has a form; of a folder without the mark too, where it is counted and never deleted. */
export async function entriesOf(folder: string, form: Form): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const parts = await partsOf(path, name, form).catch(() => undefined);
    // A folder without a file is no entry.
    if (!parts?.some(({ isFile }) => isFile)) continue;
    const about = await stat(path).catch(() => undefined);
    if (about === undefined) continue;
    found.push({ name, bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), changed: about.mtimeMs });
  }
  return found;
}

export interface Pruning {
  readonly kept: number;
  /** The name of the entry that is in use. */
  readonly inUse: string;
  /** Entries of other folders, which are counted and stay. */
  readonly others: readonly Entry[];
  /** Which entries are looked at; all of the folder when absent. */
  readonly form?: Form;
}

/**
 * Deletes those of Headscope's entries that are not among the newest `kept`, the others counted, and never the one that is in use.
 */
export async function prune(own: OwnFolder, { kept, inUse, others, form }: Pruning): Promise<void> {
  const all = [
    ...(await own.entries(form)).map((entry) => ({ ...entry, isOwn: true })),
    ...others.map((entry) => ({ ...entry, isOwn: false })),
  ];
  all.sort((a, b) => b.changed - a.changed);
  for (const { name, isOwn } of all.slice(kept)) if (isOwn && name !== inUse) await own.remove(name);
}

/** Names that are the first 24 hex digits of a SHA-256. */
export const hashName = /^[0-9a-f]{24}$/;
