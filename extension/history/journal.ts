/**
 * The index of the history: a file of JSON lines that grows at its end, one line a change, the last one counts. Two windows that
 * write at once lose nothing, and a line that was cut off by a crash costs itself alone. A line that nothing understands is kept.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { check, type Output } from '../../protocol/schema/check';
import { either, exactly, fieldsIn, flag, object, optional, text, whole } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';
import { createFile, dropFile, removeProven } from '../../files/remove';
import { openToAppend, writeInOneStep } from '../../files/write-file';
import { historyEntry, type HistoryEntry } from './entry';

const version = 1;

const header = object({ kind: exactly('headscope-history'), version: whole });
const kept = object({ kept: historyEntry });
/** Made of a file that the index lacked: counts for nothing where the window that wrote the file names it too. */
const found = object({ found: historyEntry });
const changed = object({ changed: text, pinned: optional(flag), byItself: optional(flag) });

const record = either(either(kept, found, 'an entry'), changed, 'a line of the history');
export type Change = Omit<Output<typeof changed>, 'changed'>;

export interface Index {
  /** A newer version of Headscope wrote the index: it is read no further and never written. */
  readonly isNewer: boolean;
  /** By id. */
  readonly entries: ReadonlyMap<string, HistoryEntry>;
}

interface ReadIndex extends Index {
  readonly lines: number;
  /** Changes of entries whose own line is not there yet: another window is about to move it. */
  readonly early: ReadonlyMap<string, Change>;
  /** Lines that are none of ours, or were cut off. */
  readonly unread: readonly string[];
  /** When the file was as it was read: its number, size and time. */
  readonly mark: string;
}

const nothing: ReadIndex = { isNewer: false, entries: new Map(), early: new Map(), lines: 0, unread: [], mark: '' };

/** A change that has been superseded costs its line until there are this many more lines than entries. */
const spareLines = 1000;
/** A rewriting that was begun longer ago was killed, in ms. */
const longestRewriting = 60_000;
const lockText = 'A window of Headscope is rewriting the index of the history.\n';

export class Journal {
  private last: ReadIndex = nothing;
  /** As it was when this window last read or wrote it. */
  private seen = '';

  constructor(private readonly path: string) {}

  async read(): Promise<Index> {
    const mark = await this.mark();
    this.seen = mark;
    if (mark === '') this.last = nothing;
    else if (mark !== this.last.mark) {
      // One that cannot be read says nothing, and the files are what counts.
      const content = await readFile(this.path, 'utf8').catch(() => '');
      this.last = { ...parsed(content), mark };
    }
    return this.last;
  }

  /** Somebody else has changed it since. */
  async hasNews(): Promise<boolean> {
    return (await this.mark()) !== this.seen;
  }

  keep(entry: HistoryEntry): Promise<void> {
    return this.append([{ kept: entry }]);
  }

  find(entries: readonly HistoryEntry[]): Promise<void> {
    return this.append(entries.map((entry) => ({ found: entry })));
  }

  change(id: string, change: Change): Promise<void> {
    return this.append([{ changed: id, ...change }]);
  }

  /** Leaves out what has been superseded, and entries whose file is gone. */
  async tidy(files: () => Promise<ReadonlySet<string>>): Promise<void> {
    await this.read();
    const { entries, lines, isNewer } = this.last;
    if (isNewer || lines - entries.size < spareLines) return;
    await this.alone(async () => {
      const before = await open(this.path);
      try {
        const text = await before.readFile('utf8');
        const { entries: all, early, unread } = parsed(text);
        // Looked at after the index: a file is there before its line is.
        const there = await files();
        const records = [
          ...[...all.values()].filter(({ file }) => there.has(file)).map((entry) => ({ kept: entry })),
          ...[...early].map(([id, change]) => ({ changed: id, ...change })),
        ];
        await writeInOneStep(this.path, `${[...linesOf(records), ...unread].join('\n')}\n`);
        // What another window has added to the old file meanwhile. Whoever opens it now sees that it was replaced.
        const added = await before.readFile('utf8');
        if (added !== '') await this.addText(added);
      } finally {
        await before.close();
      }
    });
  }

  private async append(records: readonly object[]): Promise<void> {
    const isFresh = (await this.mark()) === '';
    const lines = isFresh ? linesOf(records) : records.map((one) => JSON.stringify(one));
    // The line before may have been cut off.
    await this.addText(`\n${lines.join('\n')}\n`);
    this.seen = await this.mark();
  }

  /** Again where another window has replaced the file in between: a line that is there twice says the same. */
  private async addText(text: string): Promise<void> {
    for (let trial = 0; trial < 5; trial += 1) {
      const file = await openToAppend(this.path);
      try {
        await file.appendFile(text);
        const { ino } = await file.stat({ bigint: true });
        const now = await stat(this.path, { bigint: true }).catch(() => undefined);
        if (now?.ino === ino) return;
      } finally {
        await file.close();
      }
    }
  }

  /** Work that one window does at a time; another leaves it. */
  private async alone(work: () => Promise<void>): Promise<void> {
    const lock = `${this.path}.rewriting`;
    try {
      const file = await createFile(lock);
      try {
        await file.writeFile(lockText);
      } finally {
        await file.close();
      }
    } catch {
      const begun = await stat(lock).catch(() => undefined);
      // A window that was killed left this file behind: it is removed after a while, and the next rewriting goes on.
      if (begun !== undefined && Date.now() - begun.mtimeMs > longestRewriting)
        await removeProven(lock, (content) => content.toString() === lockText);
      return;
    }
    try {
      await work();
    } finally {
      await dropFile(lock);
    }
  }

  private async mark(): Promise<string> {
    const about = await stat(this.path, { bigint: true }).catch(() => undefined);
    return about === undefined ? '' : `${about.ino} ${about.size} ${about.mtimeNs}`;
  }
}

const linesOf = (records: readonly object[]): readonly string[] =>
  [{ kind: 'headscope-history', version }, ...records].map((one) => JSON.stringify(one));

function parsed(content: string): Omit<ReadIndex, 'mark'> {
  const named = new Map<string, HistoryEntry>();
  const changes = new Map<string, Change>();
  const unread: string[] = [];
  let isNewer = false;
  let lines = 0;
  for (const line of content.split('\n')) {
    if (line.trim() === '') continue;
    lines += 1;
    const json = parseJsonText(line);
    const fields = fieldsIn(json.ok ? json.value : undefined);
    if (fields['kind'] === 'headscope-history') {
      const known = check(header, fields);
      isNewer ||= !known.ok || known.result.version > version;
      continue;
    }
    const read = check(record, fields);
    if (!read.ok) unread.push(line);
    else if ('kept' in read.result) {
      const { kept: entry } = read.result;
      named.set(entry.id, entry);
    } else if ('found' in read.result) {
      const { found: entry } = read.result;
      if (!named.has(entry.id)) named.set(entry.id, entry);
    } else {
      const { changed: id, ...change } = read.result;
      changes.set(id, { ...changes.get(id), ...change });
    }
  }
  // The order of the lines does not matter: a rewriting of the index may have put an entry behind its change.
  const entries = new Map([...named].map(([id, entry]) => [id, { ...entry, ...changes.get(id) }]));
  const early = new Map([...changes].filter(([id]) => !named.has(id)));
  return { isNewer, entries, early, lines, unread };
}
