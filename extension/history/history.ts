/**
 * Every finished run of every panel, kept by itself: what a reloaded window shows again, what a result is compared with, and what
 * a person finds again by its model, its question or its prompt. Where it lies, `places` says.
 */
import type { Disposable } from 'vscode';
import { existsSync } from 'node:fs';
import { whyNotOpened } from '../platform/local-path';
import { Owner } from '../platform/owner';
import { Signal } from '../platform/signal';
import type { Checked } from '../../protocol/schema/check';
import { comparedKind, resultKinds, type SavedOf } from '../results/result-kinds';
import { suffixOf, withoutSuffix } from '../results/result-words';
import { entryName, idOf, matches, subjectIn, type HistoryEntry, type HistoryKind } from './entry';
import { NotKept, plainName, type Bounds, type HistoryFolder } from './history-folder';

export interface HistoryPlaces {
  /** All folders in which results of this workspace may lie. */
  folders(): readonly HistoryFolder[];
  /** The one of them in which the next result is kept. */
  target(): HistoryFolder;
  bounds(): Bounds;
  /** Writes a result into the workspace, where git can hold it; returns its file. */
  share(fileName: string, text: string): Promise<string>;
  /** Before the first look at it. */
  prepare(): Promise<void>;
}

export interface KeepOptions {
  /** Nobody asked for this run: the next one of its question that runs by itself in this window replaces it, until somebody uses it. */
  readonly byItself?: boolean;
}

/** A result of the history, read. */
export interface ReadEntry<K extends HistoryKind = HistoryKind> {
  readonly entry: HistoryEntry;
  readonly saved: SavedOf<K>;
  /** Why nothing more can be asked of it, as a sentence: its model is gone. */
  readonly onlyShown: string | undefined;
  /** This person has run it. What came with a workspace may name any path. */
  readonly isOwn: boolean;
}

interface Held {
  readonly entry: HistoryEntry;
  readonly saved: SavedOf<HistoryKind>;
}

interface Placed {
  readonly entry: HistoryEntry;
  readonly folder: HistoryFolder | undefined;
}

export class History extends Owner {
  private readonly changed = this.own(new Signal<void>());
  private readonly places: HistoryPlaces;
  private prepared: Promise<void> | undefined;
  /** What could not be written, by id: there until the window closes. */
  private readonly held = new Map<string, Held>();
  /** Why, of the last one. */
  private whyHeld = '';
  /** Ids of runs that went by themselves in this window: those of another window are not replaced. */
  private readonly looks = new Set<string>();
  /** One write at a time. */
  private writing: Promise<unknown> = Promise.resolve();

  readonly onChange = (listener: () => void): Disposable => this.changed.event(listener);

  constructor(places: HistoryPlaces) {
    super();
    this.places = places;
  }

  /** Lives as long as the history. */
  follow(...things: readonly Disposable[]): void {
    for (const thing of things) this.own(thing);
  }

  /** Entries of runs that went by themselves in this window before it was reloaded. */
  remember(looks: readonly string[]): void {
    for (const id of looks) this.looks.add(id);
  }

  /** Another window has changed it, or it lies elsewhere now. */
  refresh(): void {
    this.changed.fire();
  }

  /**
   * Keeps a finished run. The same run once more, with what was asked of it since, has the same entry. Where it cannot be written it
   * is in the list until the window closes, and the promise is rejected with a sentence.
   */
  keep<K extends HistoryKind>(
    kind: K,
    saved: SavedOf<K>,
    { byItself = false }: KeepOptions = {},
  ): Promise<HistoryEntry> {
    return this.inTurn(async () => {
      await this.ready();
      const target = this.places.target();
      const id = idOf(kind, subjectIn(kind, saved));
      if (byItself) this.looks.add(id);
      try {
        const before = await this.folderOf(id);
        const folder = before === undefined || before.folder.isOfOthers ? target : before.folder;
        const entry = await folder.keep(kind, saved, byItself);
        this.held.delete(entry.id);
        if (entry.byItself) await this.removePredecessors(entry, folder);
        await this.keepHeld(target);
        await folder.prune(this.places.bounds(), entry.id);
        return entry;
      } catch (error) {
        const entry = target.entryOf(kind, saved, byItself);
        this.held.set(entry.id, { entry, saved });
        this.whyHeld = error instanceof Error ? error.message : String(error);
        throw error;
      } finally {
        this.changed.fire();
      }
    });
  }

  /** Newest first. */
  async list(): Promise<readonly HistoryEntry[]> {
    return (await this.placed()).map(({ entry }) => entry);
  }

  /** What a person should know of it, as sentences: a folder is of a newer version, results could not be written. */
  async problems(): Promise<readonly string[]> {
    const newer = await Promise.all(this.places.folders().map((folder) => folder.whyNewer()));
    const unwritten = this.held.size === 1 ? '1 result is' : `${this.held.size} results are`;
    return [
      ...newer.filter((sentence) => sentence !== undefined),
      ...(this.held.size === 0
        ? []
        : [`${unwritten} kept until this window closes only. ${this.whyHeld} Save what you need.`]),
    ];
  }

  /** Those that hold every word in their model, question or prompt; newest first. */
  async search(words: string): Promise<readonly HistoryEntry[]> {
    const all = await this.list();
    return words.trim() === '' ? all : all.filter((entry) => matches(entry, words.trim()));
  }

  /** Not ok, with a sentence, where it cannot be shown. */
  async read(id: string): Promise<Checked<ReadEntry>> {
    const held = this.held.get(id);
    if (held !== undefined) return { ok: true, result: { ...held, onlyShown: whyOnlyShown(held.entry), isOwn: true } };
    const placed = await this.folderOf(id);
    if (placed === undefined) return { ok: false, why: 'This result is no longer in the history.' };
    const { entry, folder } = placed;
    const read = await folder.read(entry);
    if (!read.ok) return { ok: false, why: `${entryName(entry)} cannot be shown. ${read.why}` };
    const [onlyShown, isOwn] = [whyOnlyShown(entry), folder.isOwn];
    return { ok: true, result: { entry, saved: read.result, onlyShown, isOwn } };
  }

  /** The newest of a kind that can be read, of those that this person has run. */
  async latest<K extends HistoryKind>(kind: K): Promise<ReadEntry<K> | undefined> {
    for (const { entry, folder } of await this.placed()) {
      if (comparedKind(entry.kind) !== kind || folder?.mayShowFirst(entry) === false) continue;
      const read = await this.read(entry.id);
      if (read.ok) return read.result as ReadEntry<K>;
    }
    return undefined;
  }

  /** The files by the ids of their entries; an entry that was not written has none. */
  async files(): Promise<ReadonlyMap<string, string>> {
    const placed = await this.placed();
    return new Map(
      placed.flatMap(({ entry, folder }) => (folder === undefined ? [] : [[entry.id, folder.pathOf(entry.file)]])),
    );
  }

  /** A copy as a file of the workspace that git can hold, under the name of a saved result. Returns its path. */
  async toWorkspace(id: string): Promise<string> {
    const read = await this.read(id);
    if (!read.ok) throw new Error(read.why);
    const { entry, saved } = read.result;
    const { fileName, text } = resultKinds[entry.kind];
    const name = `${withoutSuffix(plainName(entry.file))}${suffixOf(fileName(saved as never))}`;
    const file = await this.places.share(name, text(saved as never));
    await this.use(id);
    return file;
  }

  /** A pinned result stays, also beyond the bounds. */
  pin(id: string, pinned: boolean): Promise<void> {
    return this.inTurn(() => this.change(id, { pinned }));
  }

  /** Somebody has compared it or asked more of it: a run that goes by itself no longer replaces it. */
  use(id: string): Promise<void> {
    return this.inTurn(async () => {
      const entry = (await this.list()).find((one) => one.id === id);
      if (entry?.byItself === true) await this.change(id, { byItself: false });
    });
  }

  /** After the person was asked. A file that is no longer a result of Headscope's stays, with a sentence. */
  remove(id: string): Promise<void> {
    return this.inTurn(async () => {
      this.held.delete(id);
      const placed = await this.folderOf(id);
      const isGone = placed === undefined || (await placed.folder.remove(placed.entry));
      this.changed.fire();
      if (!isGone) throw new NotKept(`${placed.folder.pathOf(placed.entry.file)} could not be deleted.`);
    });
  }

  private async change(id: string, change: { readonly pinned?: boolean; readonly byItself?: boolean }): Promise<void> {
    const held = this.held.get(id);
    if (held !== undefined) this.held.set(id, { ...held, entry: { ...held.entry, ...change } });
    else await (await this.folderOf(id))?.folder.change(id, change);
    this.changed.fire();
  }

  private async removePredecessors(of: HistoryEntry, place: HistoryFolder): Promise<void> {
    for (const entry of await place.list()) {
      const { id, kind, analysis, folder } = entry;
      const isSameQuestion = kind === of.kind && analysis === of.analysis && folder === of.folder;
      const gives = id !== of.id && entry.byItself && !entry.pinned && this.looks.has(id);
      if (isSameQuestion && gives) await place.remove(entry);
    }
  }

  /** Writes what could not be written before, now that the folder takes files again. */
  private async keepHeld(folder: HistoryFolder): Promise<void> {
    for (const { entry, saved } of [...this.held.values()]) {
      try {
        await folder.keep(entry.kind, saved, entry.byItself);
        if (entry.pinned) await folder.change(entry.id, { pinned: true });
        this.held.delete(entry.id);
      } catch {
        return;
      }
    }
  }

  /** Newest first; without a folder where it could not be written. The first folder counts where two have an entry. */
  private async placed(): Promise<readonly Placed[]> {
    await this.ready();
    const byId = new Map<string, Placed>();
    for (const { entry } of this.held.values()) byId.set(entry.id, { entry, folder: undefined });
    const folders = this.places.folders();
    const lists = await Promise.all(folders.map((folder) => folder.list()));
    for (const [at, folder] of [...folders.entries()].reverse()) {
      for (const entry of lists[at] ?? []) byId.set(entry.id, { entry, folder });
    }
    return [...byId.values()].sort(({ entry: a }, { entry: b }) => order(b.created, a.created) || order(a.id, b.id));
  }

  private async folderOf(
    id: string,
  ): Promise<{ readonly entry: HistoryEntry; readonly folder: HistoryFolder } | undefined> {
    for (const folder of this.places.folders()) {
      const entry = (await folder.list()).find((one) => one.id === id);
      if (entry !== undefined) return { folder, entry };
    }
    return undefined;
  }

  private ready(): Promise<void> {
    return (this.prepared ??= this.places.prepare());
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.writing.then(work);
    this.writing = done.catch(() => undefined);
    return done;
  }
}

/** Times and ids are plain text: comparing them by the rules of a language takes a hundred times as long. */
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A path on another machine is not even looked at. */
function whyOnlyShown({ folder = '', model }: HistoryEntry): string | undefined {
  if (folder === '') return undefined;
  const refused = whyNotOpened(folder);
  if (refused !== undefined) return refused;
  return existsSync(folder)
    ? undefined
    : `${model} is no longer in ${folder}, so this result can be looked at, but nothing more can be asked of it.`;
}
