/**
 * Weights of a model that are not read where they are stored, because they are held in integers or widened. Each piece gets a file,
 * made when the piece is opened. The file lies in the cache if that is allowed, else among the temporary files until the runtime has
 * read it. If that fails too, its bytes are kept in memory, where the runtime makes a second copy.
 */
import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTemporary, removeTemporary } from '../../../files/remove';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { SessionSettings } from '../../runtime/session';
import type { Sink } from './piece-bytes';
import { writeWhole } from './piece-file';
import { pieceFile, PieceLayout, type Holding, type PackedUses } from './piece-layout';
import { writeInThread } from './piece-thread';
import { isOfDisk, writeAll, type WeightCache } from './weight-cache';

export interface PreparedPiece {
  /** What the session is opened with. */
  readonly settings: Pick<SessionSettings, 'weightsFolder' | 'weightsFile'>;
  /** The session has what it needs. */
  readonly done: () => Promise<void>;
}

/** Smaller pieces go to the runtime from memory: their second copy is not worth a file. */
const worthFile = 4e6;

const temporaryName = 'headscope-weights-';

export class PackedWeights {
  /** Folders that are made ahead, by the digest of what they are for. */
  private readonly coming = new Map<string, Promise<string | undefined>>();

  constructor(
    private readonly holding: Holding,
    private readonly cache?: WeightCache,
    /** For tests. */
    private readonly options: { readonly temporaryFolder?: string; readonly worthFile?: number } = {},
  ) {}

  /** `widened`: without products with stored codes. */
  layout(weights: StoredWeights, uses: PackedUses, widened = false): PieceLayout {
    return new PieceLayout(weights, widened ? { ...this.holding, codes: false } : this.holding, uses);
  }

  /** Whether a piece is opened from the cache: the tensors that it was made of are not read again. */
  keeps(layout: PieceLayout): boolean {
    return this.cache?.has(layout) ?? false;
  }

  /** Makes a piece that is opened soon in another thread. */
  ahead(layout: PieceLayout, folder: string): void {
    const { digest } = layout;
    if (this.cache || !this.isLarge(layout) || this.coming.has(digest)) return;
    // If it fails there, the piece is made again when it is opened, and what is wrong is said.
    const made = this.temporary((path) => writeInThread(layout, folder, path)).catch(() => undefined);
    this.coming.set(digest, made);
  }

  /** Deletes what was made ahead and is not opened. */
  async clear(): Promise<void> {
    const coming = [...this.coming.values()];
    this.coming.clear();
    for (const folder of await Promise.all(coming)) if (folder !== undefined) await removeTemporary(folder);
  }

  /**
   * `folder` is the one that the locations of the tensors are relative to. Several layouts lie one behind the other in one file that is
   * not kept: it is made of those that are.
   */
  async prepare(layouts: readonly PieceLayout[], folder: string): Promise<PreparedPiece> {
    const [first] = layouts;
    if (first && layouts.length === 1) return this.prepareOne(first, folder);
    const size = layouts.reduce((sum, layout) => sum + layout.size, 0);
    return this.made(size, async (add) => {
      for (const layout of layouts) await this.copy(layout, folder, add);
    });
  }

  private async copy(layout: PieceLayout, folder: string, add: Sink): Promise<void> {
    const kept = await this.cache?.folderOf(layout, folder);
    if (kept === undefined) return writeWhole(layout, folder, add);
    const pieces = createReadStream(join(kept, pieceFile), { highWaterMark: 2 ** 22 });
    for await (const bytes of pieces) await add(bytes as Buffer);
  }

  private async prepareOne(layout: PieceLayout, folder: string): Promise<PreparedPiece> {
    const kept = await this.cache?.folderOf(layout, folder);
    if (kept !== undefined) return { settings: { weightsFolder: kept }, done: () => Promise.resolve() };
    const coming = this.coming.get(layout.digest);
    this.coming.delete(layout.digest);
    return this.made(layout.size, (add) => writeWhole(layout, folder, add), await coming);
  }

  private isLarge({ size }: Pick<PieceLayout, 'size'>): boolean {
    return size >= (this.options.worthFile ?? worthFile);
  }

  /** `known`: the folder with the file, if it is made already. */
  private async made(size: number, write: WriteFile, known?: string): Promise<PreparedPiece> {
    const inFile = async (path: string): Promise<true> => {
      const file = await open(path, 'wx', 0o600);
      try {
        await write((bytes) => writeAll(file, bytes));
      } finally {
        await file.close();
      }
      return true;
    };
    const folder = known ?? (this.isLarge({ size }) ? await this.temporary(inFile) : undefined);
    if (folder === undefined) return inMemory(size, write);
    return { settings: { weightsFolder: folder }, done: async () => void (await removeTemporary(folder)) };
  }

  /** A folder with a file that `write` writes; undefined if it could not, or if the disk has no room for it. */
  private async temporary(write: (path: string) => Promise<boolean>): Promise<string | undefined> {
    const root = this.options.temporaryFolder ?? tmpdir();
    let folder: string | undefined;
    try {
      await (leftOvers ??= removeLeftOvers(root));
      folder = await createTemporary(join(root, `${temporaryName}${process.pid}-`));
      if (await write(join(folder, pieceFile))) return folder;
      await removeTemporary(folder);
      return undefined;
    } catch (error) {
      if (folder !== undefined) await removeTemporary(folder);
      if (isOfDisk(error)) return undefined;
      throw error;
    }
  }
}

type WriteFile = (add: Sink) => Promise<void>;

async function inMemory(size: number, write: WriteFile): Promise<PreparedPiece> {
  const data = new Uint8Array(size);
  let at = 0;
  await write((bytes) => {
    data.set(bytes, at);
    at += bytes.length;
    return Promise.resolve();
  });
  return { settings: { weightsFile: { location: pieceFile, data } }, done: () => Promise.resolve() };
}

/** Done once in a process. */
let leftOvers: Promise<void> | undefined;

/** Files of processes that were killed while a session was opened. */
async function removeLeftOvers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const process = new RegExp(`^${temporaryName}(\\d+)-`).exec(name)?.[1];
    if (process !== undefined && !isRunning(Number(process))) {
      await removeTemporary(join(root, name)).catch(() => undefined);
    }
  }
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // A process of another person.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
