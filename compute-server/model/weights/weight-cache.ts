/**
 * Weights in integers, kept on disk between runs where a person allows it: one folder for each model, format and layout, one
 * file for each piece. A file is written under another name and renamed when it is whole; its header says what it holds, with a
 * checksum. The models used longest ago go when the whole would pass its bound. To free the disk, delete the folder
 * `headscope-weights` in the cache folder (docs/weights.md). Earlier versions kept them in `weights`: they are read and counted, and
 * stay.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, stat, statfs, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { entriesOf, hashName, OwnFolder, type Entry } from '../../../files/own-folder';
import { createFile, dropFile, nameUnfinished, putInPlace, type Form } from '../../../files/remove';
import { bytesInWords } from '../../../protocol/wire/words';
import { headerBytes, pieceFile, type PieceLayout } from './piece-layout';
import { writePiece } from './piece-bytes';

/** Raised when what the same layout makes of the same tensors changes. */
const version = 1;

export interface CacheOptions {
  /** Where Headscope keeps what it has measured or made. */
  readonly cacheFolder: string;
  /** Bytes that all kept weights may take. */
  readonly limitBytes: number;
}

/** A folder for each model, in it one for each piece. */
const form: Form = {
  folders: { names: hashName, hold: { folders: { names: /^[0-9a-f]{16}$/, hold: { files: /^weights\.bin$/ } } } },
};
const kind = 'headscope-weights';

/** A cache for the weights of one model in one format. */
export class WeightCache {
  private readonly own: OwnFolder;
  /** What the folder of the model is called, here and where earlier versions kept it. */
  private readonly name: string;
  private readonly folder: string;
  /** Where earlier versions kept them, of all models and of this one. */
  private readonly earlier: string;
  private readonly earlierFolder: string;
  /** Folders of pieces that were checked in this process, by digest. */
  private readonly sound = new Map<string, string>();
  /** Some of them were there before this process. */
  private found = false;
  /** What was there before led to another model: nothing of it is read any more. */
  private distrusted = false;
  /** Why nothing more is kept, as a sentence. */
  private problem: string | undefined;

  constructor(
    private readonly options: CacheOptions,
    /** Hash of the files of the model and of the format. */
    private readonly key: string,
    private readonly say: (sentence: string) => void,
  ) {
    this.own = new OwnFolder(options.cacheFolder, kind, form);
    this.name = createHash('sha256').update(`${version} ${key}`).digest('hex').slice(0, 24);
    this.folder = join(this.own.path, this.name);
    this.earlier = join(options.cacheFolder, 'weights');
    this.earlierFolder = join(this.earlier, this.name);
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
      await this.own.make();
      await mkdir(this.folder, { recursive: true });
      // The change time of the folder says which model was used last.
      await utimes(this.folder, new Date(), new Date());
      const earlier = await this.earlierModels();
      const staying = sumOf(earlier.filter(({ name }) => name !== this.name));
      if (bytes + staying > limitBytes) {
        return this.stop(
          `They take ${bytesInWords(bytes)}, weights of an earlier version of Headscope in ${this.earlier} take ${bytesInWords(staying)}, and ${bytesInWords(limitBytes)} are allowed. Delete ${this.earlier}, or raise headscope.compute.cacheWeights (--cache-weights).`,
        );
      }
      const missing =
        bytes - sumOf([...(await this.own.entries()), ...earlier].filter(({ name }) => name === this.name));
      const { bavail, bsize } = await statfs(this.folder);
      if (missing > bavail * bsize) {
        return this.stop(
          `They take ${bytesInWords(bytes)} and ${bytesInWords(bavail * bsize)} of the disk of ${this.own.path} are free. Free some, or name another folder in HEADSCOPE_CACHE_DIR.`,
        );
      }
      const probe = join(this.folder, nameUnfinished());
      await (await createFile(probe)).close();
      await dropFile(probe);
    } catch (error) {
      return this.stop(this.sentenceOf(error));
    }
    return undefined;
  }

  /** The folder with the file of a piece, written when it is not there or not whole; undefined where it cannot be kept. */
  async folderOf(layout: PieceLayout, sourceFolder: string): Promise<string | undefined> {
    if (this.problem !== undefined) return undefined;
    const checked = this.sound.get(layout.digest);
    if (checked !== undefined && (await sizeOf(join(checked, pieceFile))) === layout.size) return checked;
    const folder = join(this.folder, layout.digest);
    for (const place of this.distrusted ? [] : [folder, join(this.earlierFolder, layout.digest)]) {
      if (!(await this.isSound(join(place, pieceFile), layout))) continue;
      this.sound.set(layout.digest, place);
      this.found = true;
      return place;
    }
    try {
      await this.own.make();
      await mkdir(folder, { recursive: true });
      await this.makeRoom(layout.size);
      await this.write(folder, layout, sourceFolder);
      this.sound.set(layout.digest, folder);
      return folder;
    } catch (error) {
      if (!isOfDisk(error)) throw error;
      this.say(this.stop(this.sentenceOf(error)));
      return undefined;
    }
  }

  /** Whether the file of a piece was found whole, or written, in this process. */
  has(layout: PieceLayout): boolean {
    return this.sound.has(layout.digest);
  }

  /**
   * After the model failed its comparison with exact weights, its sessions closed: pieces that were there before this process are
   * made again when they are asked for. False where there were none, so that making them again would change nothing.
   */
  async makeAgain(): Promise<boolean> {
    if (!this.found) return false;
    this.found = false;
    this.distrusted = true;
    this.sound.clear();
    await this.own.remove(this.name);
    return true;
  }

  private stop(why: string): string {
    this.problem = `Its packed weights are not kept for the next run. ${why}`;
    return this.problem;
  }

  private sentenceOf(error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    return `${this.own.path} cannot be written (${why}). Free the disk or correct its permissions, or name another folder in HEADSCOPE_CACHE_DIR.`;
  }

  private headerOf(layout: PieceLayout, checksum: number): Uint8Array {
    const text = JSON.stringify({
      kind,
      version,
      key: this.key,
      piece: layout.digest,
      size: layout.size,
      checksum,
    });
    const header = Buffer.alloc(headerBytes, 0x20);
    header.write(text);
    return header;
  }

  /** A file that is cut short, was changed or belongs to something else is written again. */
  private async isSound(file: string, layout: PieceLayout): Promise<boolean> {
    if ((await sizeOf(file)) !== layout.size) return false;
    const handle = await open(file);
    try {
      const buffer = Buffer.alloc(2 ** 22);
      const first = await handle.read(buffer, 0, headerBytes, 0);
      const header = Buffer.from(buffer.subarray(0, first.bytesRead));
      let checksum = 0;
      for (let at = headerBytes; at < layout.size;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) return false;
        checksum = crc32(buffer.subarray(0, bytesRead), checksum);
        at += bytesRead;
      }
      return header.equals(this.headerOf(layout, checksum));
    } finally {
      await handle.close();
    }
  }

  private async write(folder: string, layout: PieceLayout, sourceFolder: string): Promise<void> {
    const unfinished = join(folder, nameUnfinished());
    let handle: FileHandle | undefined;
    try {
      handle = await createFile(unfinished);
      const to = handle;
      let checksum = 0;
      await to.write(Buffer.alloc(headerBytes));
      await writePiece(layout, sourceFolder, async (bytes) => {
        checksum = crc32(bytes, checksum);
        await writeAll(to, bytes);
      });
      await to.write(this.headerOf(layout, checksum), 0, headerBytes, 0);
      await to.close();
      await putInPlace(unfinished, join(folder, pieceFile));
    } catch (error) {
      await handle?.close().catch(() => undefined);
      if (handle) await dropFile(unfinished);
      throw error;
    }
  }

  /** Deletes the models used longest ago until `bytes` more are inside the bound. */
  private async makeRoom(bytes: number): Promise<void> {
    const models = await this.own.entries();
    let total = bytes + sumOf(models) + sumOf(await this.earlierModels());
    for (const { name, bytes: freed } of models.toSorted((a, b) => a.changed - b.changed)) {
      if (total <= this.options.limitBytes) return;
      if (name !== this.name && (await this.own.remove(name))) total -= freed;
    }
  }

  /** Those whose pieces have our header: a person's folders may have such names too. */
  private async earlierModels(): Promise<readonly Entry[]> {
    const models = await entriesOf(this.earlier, form);
    const ours = await Promise.all(models.map(({ name }) => hasHeader(join(this.earlier, name))));
    return models.filter((_, at) => ours[at]);
  }
}

const sumOf = (entries: readonly Entry[]): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);

/** Whether the pieces of a model begin as this file writes them. */
async function hasHeader(folder: string): Promise<boolean> {
  for (const piece of await readdir(folder)) {
    const file = await open(join(folder, piece, pieceFile)).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const start = Buffer.from(`{"kind":"${kind}"`);
      const { buffer } = await file.read(Buffer.alloc(start.length), 0, start.length, 0);
      if (!buffer.equals(start)) return false;
    } finally {
      await file.close();
    }
  }
  return true;
}

/** Size of a file; undefined where there is none. */
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

/** Whether an error comes from the file system, such as ENOSPC, rather than from the program or the checkpoint. */
export const isOfDisk = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error;
