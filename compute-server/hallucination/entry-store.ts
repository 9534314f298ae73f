/**
 * The captions that a run over pictures has made on disk while it works, a line each, so that a stopped run goes on where
 * it was. A cache and no more: what cannot be written costs the run nothing but the chance to resume.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { OwnFolder } from '../../files/own-folder';
import { removeProven } from '../../files/remove';
import { addToFile } from '../../files/write-file';
import type { ImageWithTruth } from '../../protocol/compute/hallucination-requests';
import { earlierUnfinished, unfinishedFolder } from '../unfinished-folder';

interface Line<Entry> {
  readonly path: string;
  /** Size and time of change of the picture, and what was said to be true of it. */
  readonly stamp: string;
  readonly entry: Entry;
}

export class EntryStore<Entry> {
  private readonly own: OwnFolder;
  private readonly name: string;
  private readonly file: string;
  /** As an earlier version kept them. */
  private readonly earlier: string;
  private readonly lines = new Map<string, Line<Entry>>();

  constructor(cacheFolder: string, key: unknown) {
    this.own = unfinishedFolder(cacheFolder);
    const hash = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
    this.name = `${hash}.captions.jsonl`;
    this.file = join(this.own.path, this.name);
    this.earlier = join(earlierUnfinished(cacheFolder), this.name);
  }

  async read(): Promise<void> {
    for (const file of [this.earlier, this.file]) {
      const text = await readFile(file, 'utf8').catch(() => '');
      for (const line of linesOf<Entry>(text)) if (line) this.lines.set(line.path, line);
    }
  }

  /** The entry of a picture that is still the same file with the same truth. */
  async of(image: ImageWithTruth): Promise<Entry | undefined> {
    const line = this.lines.get(image.path);
    return line?.stamp === (await stampOf(image)) ? line?.entry : undefined;
  }

  /** Undefined when it worked, else why it did not. */
  async add(image: ImageWithTruth, entry: Entry): Promise<string | undefined> {
    try {
      await this.own.make();
      await addToFile(this.file, `${JSON.stringify({ path: image.path, stamp: await stampOf(image), entry })}\n`);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async remove(): Promise<void> {
    await this.own.remove(this.name);
    await removeProven(this.earlier, (content) => {
      const [first, ...others] = linesOf(content.toString('utf8'));
      // The last line of a killed run may be cut. One that stands alone proves nothing then, and stays.
      return first !== undefined && others.slice(0, -1).every((line) => line !== undefined);
    });
  }
}

/** Undefined of a line that is none. */
function linesOf<Entry>(text: string): readonly (Line<Entry> | undefined)[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    try {
      const { path, stamp, entry } = JSON.parse(line) as Partial<Line<Entry>>;
      return typeof path === 'string' && typeof stamp === 'string' && entry !== undefined
        ? { path, stamp, entry }
        : undefined;
    } catch {
      return undefined;
    }
  });
}

async function stampOf({ path, truth, references = [] }: ImageWithTruth): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(path);
    return `${size}.${mtimeMs}.${JSON.stringify([truth, references])}`;
  } catch {
    return 'absent';
  }
}
