/**
 * Linear maps of a model held in integers: the file of a piece, made when the piece is opened. It lies in the cache where that is
 * allowed, else among the temporary files until the runtime has read it, and where that fails too in memory, where the runtime
 * keeps a second copy.
 */
import { open, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTemporary, removeTemporary } from '../../../files/remove';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { SessionSettings } from '../../runtime/session';
import { writePiece } from './piece-bytes';
import { headerBytes, pieceFile, PieceLayout } from './piece-layout';
import type { Bits } from './quantise';
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
  constructor(
    private readonly bits: Bits,
    private readonly cache?: WeightCache,
    /** For tests. */
    private readonly options: { readonly temporaryFolder?: string; readonly worthFile?: number } = {},
  ) {}

  layout(weights: StoredWeights): PieceLayout {
    return new PieceLayout(weights, this.bits);
  }

  /** Whether a piece is opened from the cache: the tensors that it was made of are not read again. */
  keeps(layout: PieceLayout): boolean {
    return this.cache?.has(layout) ?? false;
  }

  /** `folder` is the one that the locations of the tensors are relative to. */
  async prepare(layout: PieceLayout, folder: string): Promise<PreparedPiece> {
    const kept = await this.cache?.folderOf(layout, folder);
    if (kept !== undefined) return { settings: { weightsFolder: kept }, done: () => Promise.resolve() };
    const file = layout.size < (this.options.worthFile ?? worthFile) ? undefined : await this.temporary(layout, folder);
    return file ?? inMemory(layout, folder);
  }

  private async temporary(layout: PieceLayout, source: string): Promise<PreparedPiece | undefined> {
    const root = this.options.temporaryFolder ?? tmpdir();
    let folder: string | undefined;
    try {
      await (leftOvers ??= removeLeftOvers(root));
      folder = await createTemporary(join(root, `${temporaryName}${process.pid}-`));
      const made = folder;
      const file = await open(join(made, pieceFile), 'wx', 0o600);
      try {
        await file.write(Buffer.alloc(headerBytes));
        await writePiece(layout, source, (bytes) => writeAll(file, bytes));
      } finally {
        await file.close();
      }
      return { settings: { weightsFolder: made }, done: async () => void (await removeTemporary(made)) };
    } catch (error) {
      if (folder !== undefined) await removeTemporary(folder);
      if (isOfDisk(error)) return undefined;
      throw error;
    }
  }
}

async function inMemory(layout: PieceLayout, source: string): Promise<PreparedPiece> {
  const data = new Uint8Array(layout.size);
  let at = headerBytes;
  await writePiece(layout, source, (bytes) => {
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
