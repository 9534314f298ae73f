/**
 * What a run over pictures has made (captions, answers) on disk while it works, a line each, so that a stopped run goes on where
 * it was. A cache and no more: what cannot be written costs the run nothing but the chance to resume.
 */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageWithTruth } from '../../../protocol/compute/hallucination';

interface Line<Entry> {
  readonly path: string;
  /** Size and time of change of the picture, and what was said to be true of it. */
  readonly stamp: string;
  readonly entry: Entry;
}

export class KeptEntries<Entry> {
  private readonly file: string;
  private readonly folder: string;
  private readonly lines = new Map<string, Line<Entry>>();

  constructor(cacheFolder: string, key: unknown, kind: 'captions' | 'answers' = 'captions') {
    this.folder = join(cacheFolder, 'unfinished');
    const name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
    this.file = join(this.folder, `${name}.${kind}.jsonl`);
  }

  async read(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch {
      return;
    }
    for (const line of text.split('\n')) {
      try {
        const parsed = JSON.parse(line) as Line<Entry>;
        this.lines.set(parsed.path, parsed);
      } catch {
        // The last line of a killed run may be cut.
      }
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
      await mkdir(this.folder, { recursive: true });
      await appendFile(this.file, `${JSON.stringify({ path: image.path, stamp: await stampOf(image), entry })}\n`);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true }).catch(() => {});
  }
}

async function stampOf({ path, truth, references = [] }: ImageWithTruth): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(path);
    return `${size}.${mtimeMs}.${JSON.stringify([truth, references])}`;
  } catch {
    return 'absent';
  }
}
