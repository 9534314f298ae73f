/**
 * One folder of the history: a file for each result, written as it is saved anywhere, and the index beside them. A result counts
 * when its file is there under its own name; an index that is lost, or lacks a file, is made again from the files. Nothing else in
 * the folder is listed, and nothing else is deleted.
 */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checked } from '../../protocol/schema/check';
import { whyNotReplaced } from '../../files/output';
import { isUnfinished, removeProven } from '../../files/remove';
import { writeInOneStep, writeNew } from '../../files/write-file';
import { whyNotOpened } from '../platform/local-path';
import { kindOf, resultKinds, type SavedOf } from '../results/result-kinds';
import { suffixOf, withoutSuffix } from '../results/result-words';
import { historyKinds, idOf, subjectIn, type HistoryEntry, type HistoryKind, type Subject } from './entry';
import { Journal, type Change } from './journal';

/** Why a result was not kept: a sentence with a next step. */
export class NotKept extends Error {}

export interface Bounds {
  /** Most results, the pinned ones counted. */
  readonly results: number;
  /** Most bytes of their files. */
  readonly bytes: number;
}

export interface FolderParts {
  readonly path: string;
  /** An untrusted workspace is read only. */
  readonly mayWrite: boolean;
  /**
   * Whose results lie there: those of this person, in the storage of the extension; those of a workspace in which the person agreed to
   * keep them; or whatever came with a workspace. What others made is shown after a click alone.
   */
  readonly holds: 'own' | 'agreed' | 'others';
  readonly questionOf: (analysis: string) => string | undefined;
  readonly write?: typeof writeInOneStep;
}

const indexName = 'index.jsonl';
/** A file that was begun longer ago is written by nobody any more, in ms. */
const longestWriting = 3_600_000;
const ignored = "# Headscope's history of results. Prompts are private, so git leaves it out.\n*\n";

const nameForm = /-([0-9a-f]{12})\.headscope-[a-z]+\.json$/;

/** A name of a file of the history, taken apart. */
function nameParts(file: string): { readonly id: string; readonly kind: HistoryKind } | undefined {
  const id = nameForm.exec(file)?.[1];
  const kind = historyKinds.find((one) => one === kindOf(file));
  return id === undefined || kind === undefined ? undefined : { id, kind };
}

/** The name that the same result has where it is saved by hand. */
export const plainName = (file: string): string => `${withoutSuffix(file).slice(0, -13)}${suffixOf(file)}`;

export class HistoryFolder {
  readonly path: string;
  private readonly parts: FolderParts;
  private readonly journal: Journal;
  private readonly write: typeof writeInOneStep;
  /** Files with the name of a result that are none, by name, size and time: looked at once. */
  private readonly none = new Set<string>();
  /** What an index that is not written lacks. */
  private readonly found = new Map<string, HistoryEntry>();

  constructor(parts: FolderParts) {
    this.parts = parts;
    this.path = parts.path;
    this.journal = new Journal(join(parts.path, indexName));
    this.write = parts.write ?? writeInOneStep;
  }

  /** A model that a file names may be asked without a click where the person has run it here. */
  mayShowFirst({ folder = '' }: HistoryEntry): boolean {
    const { holds } = this.parts;
    return holds === 'own' || (holds === 'agreed' && (folder === '' || whyNotOpened(folder) === undefined));
  }

  /** It holds what this person has run alone. */
  get isOwn(): boolean {
    return this.parts.holds === 'own';
  }

  /** This person keeps no results here: nothing is added, and nothing makes room for others. */
  get isOfOthers(): boolean {
    return this.parts.holds === 'others';
  }

  /** A sentence where a newer version of Headscope keeps its results here. */
  async whyNotWritten(): Promise<string | undefined> {
    if (!this.parts.mayWrite) return `${this.path} is not written, as the workspace is not trusted.`;
    return this.whyNewer();
  }

  async whyNewer(): Promise<string | undefined> {
    return (await this.journal.read()).isNewer
      ? `The history in ${this.path} was written by a newer version of Headscope, so this one changes nothing there. Update Headscope.`
      : undefined;
  }

  /** Another window has changed it since this one has looked. */
  hasNews(): Promise<boolean> {
    return this.journal.hasNews();
  }

  /** The entries of the folder, in no order. */
  async list(): Promise<readonly HistoryEntry[]> {
    const names = await this.names();
    const { entries, isNewer } = await this.journal.read();
    const listed = new Map<string, HistoryEntry>();
    const unknown: string[] = [];
    for (const file of names) {
      const parts = nameParts(file);
      if (parts === undefined) continue;
      const entry = (isNewer ? undefined : entries.get(parts.id)) ?? this.found.get(parts.id);
      if (entry?.kind !== parts.kind) unknown.push(file);
      else if (file === entry.file || !listed.has(entry.id)) listed.set(entry.id, { ...entry, file });
    }
    for (const entry of await this.adopted(unknown)) if (!listed.has(entry.id)) listed.set(entry.id, entry);
    return [...listed.values()];
  }

  /** Not ok, with a sentence, where the file is gone or is no result. */
  async read<K extends HistoryKind>({ kind, file }: HistoryEntry & { readonly kind: K }): Promise<Checked<SavedOf<K>>> {
    try {
      return resultKinds[kind].parse(await readFile(this.pathOf(file), 'utf8'));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why =
        code === 'ENOENT' ? 'Its file is gone from the history.' : `Its file cannot be read (${String(code)}).`;
      return { ok: false, why };
    }
  }

  pathOf(file: string): string {
    return join(this.path, file);
  }

  /** `byItself`: nobody asked for it. Throws NotKept. */
  async keep<K extends HistoryKind>(kind: K, saved: SavedOf<K>, byItself: boolean): Promise<HistoryEntry> {
    const why = await this.whyNotWritten();
    if (why !== undefined) throw new NotKept(why);
    const content = resultKinds[kind].text(saved);
    const fresh = this.entryOf(kind, saved, byItself, content);
    const before = (await this.list()).find(({ id }) => id === fresh.id);
    const entry: HistoryEntry =
      before === undefined
        ? fresh
        : { ...fresh, file: before.file, pinned: before.pinned, byItself: byItself && before.byItself };
    await this.written(async () => {
      await this.make();
      const path = this.pathOf(entry.file);
      const foreign = await whyNotReplaced(path, { kind: 'result', force: false });
      if (foreign !== undefined) throw new NotKept(`${path} is in the way. ${foreign}`);
      await this.write(path, content);
      await this.journal.keep(entry);
    });
    return entry;
  }

  /** The entry that a result would have, were it new. */
  entryOf<K extends HistoryKind>(
    kind: K,
    saved: SavedOf<K>,
    byItself: boolean,
    content = resultKinds[kind].text(saved),
  ): HistoryEntry {
    const subject = subjectIn(kind, saved);
    const id = idOf(kind, subject);
    const plain = resultKinds[kind].fileName(saved);
    const file = `${withoutSuffix(plain)}-${id}${suffixOf(plain)}`;
    return { id, kind, file, ...this.asked(subject), bytes: Buffer.byteLength(content), pinned: false, byItself };
  }

  private asked(subject: Subject): Subject & Pick<HistoryEntry, 'question'> {
    const question = subject.analysis === undefined ? undefined : this.parts.questionOf(subject.analysis);
    return { ...subject, ...(question === undefined ? {} : { question }) };
  }

  async change(id: string, change: Change): Promise<void> {
    const why = await this.whyNotWritten();
    if (why !== undefined) throw new NotKept(why);
    await this.written(async () => {
      const found = this.found.get(id);
      if (found !== undefined) await this.journal.find([found]);
      this.found.delete(id);
      await this.journal.change(id, change);
    });
  }

  /** True when its file is gone. A file that is no longer a result of Headscope's stays. */
  async remove({ kind, file }: HistoryEntry): Promise<boolean> {
    if ((await this.whyNotWritten()) !== undefined || nameParts(file) === undefined) return false;
    const path = this.pathOf(file);
    await removeProven(path, (content) => resultKinds[kind].parse(content.toString('utf8')).ok);
    return (await stat(path).catch(() => undefined)) === undefined;
  }

  /** The oldest go first; a pinned one and `stays` never. */
  async prune({ results, bytes }: Bounds, stays: string): Promise<void> {
    const entries = [...(await this.list())].sort((a, b) => (a.created < b.created ? -1 : 1));
    let count = entries.length;
    let size = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of entries) {
      if (count <= results && size <= bytes) break;
      if (entry.pinned || entry.id === stays || !(await this.remove(entry))) continue;
      count -= 1;
      size -= entry.bytes;
    }
    for (const name of await this.names()) if (isUnfinished(name)) await this.removeUnfinished(this.pathOf(name));
    await this.journal.tidy(async () => new Set(await this.names())).catch(() => undefined);
  }

  private names(): Promise<readonly string[]> {
    return readdir(this.path).catch(() => []);
  }

  /** What a window that was killed was writing. */
  private async removeUnfinished(path: string): Promise<void> {
    const about = await stat(path).catch(() => undefined);
    if (about === undefined || Date.now() - about.mtimeMs < longestWriting) return;
    await removeProven(path, (content) => /^\{\s*"kind":\s*"headscope-/.test(content.toString('utf8', 0, 200)));
  }

  private async make(): Promise<void> {
    await mkdir(this.path, { recursive: true });
    await writeNew(this.pathOf('.gitignore'), ignored).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }

  /** Results that the index lacks: it was lost, or another version or a person put them there. */
  private async adopted(files: readonly string[]): Promise<readonly HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    for (const file of files) {
      const entry = await this.described(file);
      if (entry !== undefined) entries.push(entry);
    }
    if (entries.length === 0) return entries;
    // A folder that came with a workspace gets an index once something is changed in it.
    if (!this.isOfOthers && (await this.whyNotWritten()) === undefined) {
      const isWritten = await this.journal.find(entries).then(
        () => true,
        () => false,
      );
      if (isWritten) return entries;
    }
    for (const entry of entries) this.found.set(entry.id, entry);
    return entries;
  }

  private async described(file: string): Promise<HistoryEntry | undefined> {
    const parts = nameParts(file);
    const about = await stat(this.pathOf(file)).catch(() => undefined);
    if (parts === undefined || about?.isFile() !== true) return undefined;
    const look = `${file} ${about.size} ${about.mtimeMs}`;
    if (this.none.has(look)) return undefined;
    const { id, kind } = parts;
    const text = await readFile(this.pathOf(file), 'utf8').catch(() => '');
    const read = resultKinds[kind].parse(text);
    if (!read.ok) {
      this.none.add(look);
      return undefined;
    }
    const asked = this.asked(subjectIn(kind, read.result));
    return { id, kind, file, ...asked, bytes: about.size, pinned: false, byItself: false };
  }

  private async written(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw error instanceof NotKept ? error : new NotKept(reasonOf(error, this.path));
    }
  }
}

function reasonOf(error: unknown, folder: string): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = String((cause as NodeJS.ErrnoException).code ?? cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return `The disk of ${folder} is full. Free some of it.`;
  return `${folder} cannot be written (${code}). Correct its permissions, or set headscope.history.saveIn.`;
}
