/** The files of a corpus: found, read up to a limit, and made into documents (diagnostics/shared/corpus). */
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { mostBytes, mostDocuments, type Corpus } from '../../diagnostics/corpus';
import { utf8Lines, wholeCharacters } from '../runner/files';
import { readCorpus, type CorpusFile } from '../../diagnostics/shared/corpus/read-corpus';
import type { CorpusRead } from '../../protocol/analysis/schema';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { printableLine } from '../../protocol/wire/printable';
import { whyUnread } from '../../protocol/wire/unread';

/** A corpus up to this size is read for an estimate; the bytes of a larger one are counted. */
const readAtOnce = 2 ** 22;
/** Folders inside folders. */
const deepest = 8;
/** Entries of folders that are looked at. */
const mostEntries = 200_000;
/** Where a zero byte stands within these, the file is not UTF-8 text. */
const looksAt = 8192;

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

interface Found {
  readonly path: string;
  /** Inside the folder, with / between its parts. */
  readonly name: string;
  readonly bytes: number;
}

interface Listing {
  readonly files: readonly Found[];
  readonly inFolder: boolean;
}

export interface CorpusReading {
  /** Lets others have their turn, and fails where the person cancelled. */
  readonly pause: () => Promise<void>;
}

/** What a result says of the documents that it is made of. */
export const corpusReadOf = ({ sha256, documents }: Corpus): CorpusRead => ({ sha256, documents: documents.length });

/** Fails with a sentence where nothing can be read. */
export async function readCorpusAt(path: string, { pause }: CorpusReading): Promise<Corpus> {
  return documentsOf(path, await listing(path, pause), pause);
}

/** What is known of a corpus before a run; of a large one only its bytes. */
export async function countedCorpusAt(path: string, { pause }: CorpusReading): Promise<Corpus> {
  const found = await listing(path, pause);
  const bytes = found.files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= readAtOnce) return documentsOf(path, found, pause);
  return { name: basename(path), documents: [], bytes: Math.min(bytes, mostBytes), notes: [], sha256: '' };
}

async function documentsOf(path: string, { files, inFolder }: Listing, pause: CorpusReading['pause']): Promise<Corpus> {
  const contents: CorpusFile[] = [];
  const notes: string[] = [];
  let bytes = 0;
  for (const file of files) {
    if (bytes >= mostBytes) {
      notes.push(`Only the first ${mebibytes(mostBytes)} are read: what comes behind them is not.`);
      break;
    }
    await pause();
    const read = await contentOf(file, mostBytes - bytes);
    bytes += Math.min(file.bytes, mostBytes - bytes);
    if (read === undefined) {
      const what = 'it is not text in UTF-8 (it has zero bytes). Unpack it or save it as UTF-8.';
      if (!inFolder) throw refusal(`${path} cannot be used: ${what}`);
      notes.push(`${printableLine(file.name)} is left out: ${what}`);
      continue;
    }
    if (read.cut && !inFolder) notes.push(`Only the first ${mebibytes(mostBytes)} of ${file.name} are read.`);
    contents.push({ name: file.name, inFolder, ...read });
  }
  const reading = readCorpus(contents);
  for (;;) {
    const step = reading.next();
    if (!step.done) {
      await pause();
      continue;
    }
    const all = shortened([...notes, ...step.value.notes]);
    const { documents } = step.value;
    if (documents.length === 0) {
      throw refusal(
        `${path} has no document. ${all[0] ?? 'Give a JSONL file with a "text" in each line, a text file, or a folder of text files.'}`,
      );
    }
    const hash = createHash('sha256');
    for (const document of documents) hash.update(`${JSON.stringify(document)}\n`);
    return { name: basename(path), documents, bytes, notes: all, sha256: hash.digest('hex') };
  }
}

/** A folder of pictures has thousands of files that are no text. */
const mostNotes = 50;
const shortened = (notes: readonly string[]): readonly string[] =>
  notes.length <= mostNotes
    ? notes
    : [...notes.slice(0, mostNotes), `${notes.length - mostNotes} more such sentences are not shown.`];

async function listing(path: string, pause: CorpusReading['pause']): Promise<Listing> {
  try {
    const about = await stat(path);
    if (about.isFile()) return { files: [{ path, name: basename(path), bytes: about.size }], inFolder: false };
    if (!about.isDirectory()) throw refusal(`${path} is neither a file nor a folder. Choose a text file.`);
    return { files: await filesIn(path, pause), inFolder: true };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw refusal(`${path} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

/** Text files of a folder and of those in it, by name. Links are not followed, names that begin with a dot are left out. */
async function filesIn(root: string, pause: CorpusReading['pause']): Promise<readonly Found[]> {
  const files: Found[] = [];
  let entries = 0;
  const look = async (inside: string, depth: number): Promise<void> => {
    const found: Dirent[] = await readdir(join(root, inside), { withFileTypes: true });
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of found) {
      entries += 1;
      if (entries > mostEntries || files.length >= mostDocuments) return;
      await pause();
      if (entry.name.startsWith('.')) continue;
      const name = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory() && depth < deepest) await look(name, depth + 1);
      else if (entry.isFile()) {
        const path = join(root, name);
        files.push({ path, name, bytes: (await stat(path)).size });
      }
    }
  };
  await look('', 0);
  return files;
}

/** At most so many bytes; undefined where it is not text. */
async function contentOf(
  { path, bytes }: Found,
  most: number,
): Promise<Pick<CorpusFile, 'content' | 'cut'> | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw refusal(`${path} cannot be read: ${whyUnread(error)}. Check the path.`);
  });
  try {
    const buffer = Buffer.alloc(Math.min(bytes, most));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const read = buffer.subarray(0, filled);
    if (read.subarray(0, looksAt).includes(0)) return undefined;
    const cut = bytes > most;
    return { content: utf8Lines(cut ? wholeCharacters(read) : read).replace(/^\ufeff/, ''), cut };
  } finally {
    await file.close();
  }
}
