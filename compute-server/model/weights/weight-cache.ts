/**
 * Weights in integers, kept on disk between runs where a person allows it: one folder for each model, format and layout, one
 * file for each piece. A file is written under another name and renamed when it is whole; its header says what it holds, with a
 * checksum. The models used longest ago go when the whole would pass its bound. To free the disk, delete the folder `weights` in
 * the cache folder (docs/weights.md).
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bytesInWords } from '../../../protocol/wire/words';
import { headerBytes, pieceFile, type PiecePlan } from './piece-plan';
import { writePiece } from './piece-bytes';

/** Raised when what the same plan makes of the same tensors changes. */
const version = 1;

export interface CacheOptions {
  /** Where Headscope keeps what it has measured or made. */
  readonly cacheFolder: string;
  /** Bytes that all kept weights may take. */
  readonly limitBytes: number;
}

/** Of the weights of one model in one format. */
export class WeightCache {
  private readonly root: string;
  private readonly folder: string;
  /** Digests of pieces that were checked in this process. */
  private readonly sound = new Set<string>();
  /** Why nothing more is kept, as a sentence. */
  private problem: string | undefined;

  constructor(
    private readonly options: CacheOptions,
    /** Of the files of the model, and of the format. */
    private readonly key: string,
    private readonly say: (sentence: string) => void,
  ) {
    this.root = join(options.cacheFolder, 'weights');
    this.folder = join(this.root, createHash('sha256').update(`${version} ${key}`).digest('hex').slice(0, 24));
  }

  /** Why weights of `bytes` cannot be kept, as a sentence, or undefined; it makes the folder. */
  async check(bytes: number): Promise<string | undefined> {
    const { limitBytes } = this.options;
    if (bytes > limitBytes) {
      return this.stop(
        `They take ${bytesInWords(bytes)} and ${bytesInWords(limitBytes)} are allowed. Raise headscope.compute.cacheWeights (--cache-weights).`,
      );
    }
    try {
      await mkdir(this.folder, { recursive: true });
      // Of all models a change of the folder's time says which was used last.
      await utimes(this.folder, new Date(), new Date());
      const missing = bytes - (await this.kept(this.folder));
      const { bavail, bsize } = await statfs(this.folder);
      if (missing > bavail * bsize) {
        return this.stop(
          `They take ${bytesInWords(bytes)} and ${bytesInWords(bavail * bsize)} of the disk of ${this.root} are free. Free some, or name another folder in HEADSCOPE_CACHE_DIR.`,
        );
      }
      const probe = join(this.folder, `probe.${process.pid}`);
      await (await open(probe, 'w')).close();
      await rm(probe);
    } catch (error) {
      return this.stop(this.sentenceOf(error));
    }
    return undefined;
  }

  /** The folder with the file of a piece, written when it is not there or not whole; undefined where it cannot be kept. */
  async folderOf(plan: PiecePlan, sourceFolder: string): Promise<string | undefined> {
    if (this.problem !== undefined) return undefined;
    const folder = join(this.folder, plan.digest);
    const file = join(folder, pieceFile);
    if (this.sound.has(plan.digest) && (await sizeOf(file)) === plan.size) return folder;
    if (await this.isSound(file, plan)) {
      this.sound.add(plan.digest);
      return folder;
    }
    try {
      await mkdir(folder, { recursive: true });
      await this.makeRoom(plan.size);
      await this.write(file, plan, sourceFolder);
      this.sound.add(plan.digest);
      return folder;
    } catch (error) {
      if (!isOfDisk(error)) throw error;
      this.say(this.stop(this.sentenceOf(error)));
      return undefined;
    }
  }

  /** Whether the file of a piece was found whole, or written, in this process. */
  has(plan: PiecePlan): boolean {
    return this.sound.has(plan.digest);
  }

  private stop(why: string): string {
    this.problem = `Its packed weights are not kept for the next run. ${why}`;
    return this.problem;
  }

  private sentenceOf(error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    return `${this.root} cannot be written (${why}). Free the disk or correct its permissions, or name another folder in HEADSCOPE_CACHE_DIR.`;
  }

  private headerOf(plan: PiecePlan, checksum: number): Uint8Array {
    const text = JSON.stringify({
      kind: 'headscope-weights',
      version,
      key: this.key,
      piece: plan.digest,
      size: plan.size,
      checksum,
    });
    const header = Buffer.alloc(headerBytes, 0x20);
    header.write(text);
    return header;
  }

  /** A file that is cut short, was changed or belongs to something else is written again. */
  private async isSound(file: string, plan: PiecePlan): Promise<boolean> {
    if ((await sizeOf(file)) !== plan.size) return false;
    const handle = await open(file);
    try {
      const buffer = Buffer.alloc(2 ** 22);
      const first = await handle.read(buffer, 0, headerBytes, 0);
      const header = Buffer.from(buffer.subarray(0, first.bytesRead));
      let checksum = 0;
      for (let at = headerBytes; at < plan.size;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) return false;
        checksum = crc32(buffer.subarray(0, bytesRead), checksum);
        at += bytesRead;
      }
      return header.equals(this.headerOf(plan, checksum));
    } finally {
      await handle.close();
    }
  }

  private async write(file: string, plan: PiecePlan, sourceFolder: string): Promise<void> {
    const unfinished = `${file}.${process.pid}`;
    let handle: FileHandle | undefined;
    try {
      handle = await open(unfinished, 'w');
      const to = handle;
      let checksum = 0;
      await to.write(Buffer.alloc(headerBytes));
      await writePiece(plan, sourceFolder, async (bytes) => {
        checksum = crc32(bytes, checksum);
        await writeAll(to, bytes);
      });
      await to.write(this.headerOf(plan, checksum), 0, headerBytes, 0);
      await to.close();
      await rename(unfinished, file);
    } catch (error) {
      await handle?.close().catch(() => undefined);
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /** Deletes the models used longest ago until `bytes` more are inside the bound. */
  private async makeRoom(bytes: number): Promise<void> {
    const names = await readdir(this.root);
    const models = await Promise.all(
      names.map(async (name) => {
        const folder = join(this.root, name);
        const { mtimeMs } = await stat(folder);
        return { folder, mtimeMs, bytes: await this.kept(folder) };
      }),
    );
    let total = models.reduce((sum, model) => sum + model.bytes, bytes);
    for (const model of models.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (total <= this.options.limitBytes) return;
      if (model.folder === this.folder) continue;
      await rm(model.folder, { recursive: true, force: true });
      total -= model.bytes;
    }
  }

  /** Bytes of the files of one model. */
  private async kept(folder: string): Promise<number> {
    const files = await readdir(folder, { recursive: true });
    const sizes = await Promise.all(files.map(async (name) => (await sizeOf(join(folder, name))) ?? 0));
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** Of a file; undefined where there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

/** A write may take a part only. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

/** Of the file system, such as ENOSPC, and not of the program or of the checkpoint. */
export const isOfDisk = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error;
