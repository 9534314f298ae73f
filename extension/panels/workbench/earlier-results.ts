/** What the workbench asks of the history: results by their ids, and the list of them. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { HistoryRow } from '../../../protocol/panels/workbench-tabs';
import type { Checked } from '../../../protocol/schema/check';
import { entryName, weightsOf, type HistoryEntry } from '../../history/entry';
import type { History } from '../../history/history';
import { comparedKind } from '../../results/result-kinds';
import { defined } from '../../platform/defined';
import { Sentence } from '../questions';

/** More are found by words. */
const mostRows = 500;

type AskedHistory = Pick<
  History,
  'list' | 'search' | 'problems' | 'read' | 'pin' | 'use' | 'toWorkspace' | 'remove' | 'files' | 'onChange'
>;

/** What is done with VS Code. */
interface EarlierDialogs {
  openFile(path: string): Promise<void>;
  /** Whether the person wants the result deleted. */
  confirmsDelete(name: string): Promise<boolean>;
}

interface Earlier {
  readonly result: AnalysisResult;
  /** This person has run it. */
  readonly isOwn: boolean;
}

export class EarlierResults {
  private readonly history: AskedHistory;
  private readonly dialogs: EarlierDialogs;

  constructor(history: AskedHistory, dialogs: EarlierDialogs) {
    this.history = history;
    this.dialogs = dialogs;
  }

  readonly onChange: History['onChange'] = (listener) => this.history.onChange(listener);

  async rows(words: string): Promise<readonly HistoryRow[]> {
    const entries = await this.history.search(words);
    const pinned = entries.filter((entry) => entry.pinned);
    return [...pinned, ...entries.filter((entry) => !entry.pinned)].slice(0, mostRows).map(rowOf);
  }

  /** What a person should know of the history, as sentences. */
  problems(): Promise<readonly string[]> {
    return this.history.problems();
  }

  async read(id: string): Promise<Checked<Earlier>> {
    const read = await this.history.read(id);
    if (!read.ok) return read;
    const { entry, saved, isOwn } = read.result;
    return comparedKind(entry.kind) === 'analysis'
      ? { ok: true, result: { result: saved as AnalysisResult, isOwn } }
      : { ok: false, why: 'This result is not of an analysis.' };
  }

  /** The result of an analysis; another one is opened by its own editor, and there is none. */
  async open(id: string): Promise<AnalysisResult | undefined> {
    const entry = (await this.history.list()).find((one) => one.id === id);
    if (entry === undefined || comparedKind(entry.kind) === 'analysis') {
      const read = await this.read(id);
      if (!read.ok) throw new Sentence(read.why);
      return read.result.result;
    }
    const file = (await this.history.files()).get(id);
    if (file === undefined) throw new Sentence('This result was not written to the disk, so no editor can open it.');
    await this.dialogs.openFile(file);
    return undefined;
  }

  async pinned(): Promise<ReadonlySet<string>> {
    return new Set((await this.history.list()).flatMap(({ id, pinned }) => (pinned ? [id] : [])));
  }

  pin(id: string, pinned: boolean): Promise<void> {
    return inWords(this.history.pin(id, pinned));
  }

  /** A copy in the workspace; returns its path. */
  copyToWorkspace(id: string): Promise<string> {
    return inWords(this.history.toWorkspace(id));
  }

  /** Once the person has confirmed it. */
  async remove(id: string): Promise<void> {
    const entry = (await this.history.list()).find((one) => one.id === id);
    if (entry !== undefined && (await this.dialogs.confirmsDelete(entryName(entry))))
      await inWords(this.history.remove(id));
  }

  /** Somebody has compared it or asked more of it. */
  use(id: string): Promise<void> {
    return this.history.use(id);
  }
}

/** What the history refuses it says in sentences. */
const inWords = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw new Sentence(error instanceof Error ? error.message : String(error));
  });

const rowOf = (entry: HistoryEntry): HistoryRow => {
  const { id, title, question, model, input, created, pinned } = entry;
  const weights = entry.weights === undefined ? undefined : weightsOf(entry);
  return defined({ id, title, question, model, weights, input, created, pinned });
};
