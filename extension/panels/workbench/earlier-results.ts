/** What the workbench asks of the history: results by their ids, and the list of them. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { HistoryRow } from '../../../protocol/panels/workbench-tabs';
import type { Checked } from '../../../protocol/schema/check';
import type { HistoryEntry } from '../../history/entry';
import type { History } from '../../history/history';
import { defined } from '../../platform/defined';
import { Sentence } from '../questions';

/** More are found by words. */
const mostRows = 500;

type AskedHistory = Pick<History, 'list' | 'search' | 'read' | 'pin' | 'use' | 'fileOf' | 'onChange'>;

export class EarlierResults {
  private readonly history: AskedHistory;
  private readonly openFile: (path: string) => Promise<void>;

  constructor(history: AskedHistory, openFile: (path: string) => Promise<void>) {
    this.history = history;
    this.openFile = openFile;
  }

  readonly onChange: History['onChange'] = (listener) => this.history.onChange(listener);

  async rows(words: string): Promise<readonly HistoryRow[]> {
    const entries = await this.history.search(words);
    const pinned = entries.filter((entry) => entry.pinned);
    return [...pinned, ...entries.filter((entry) => !entry.pinned)].slice(0, mostRows).map(rowOf);
  }

  async read(id: string): Promise<Checked<AnalysisResult>> {
    const read = await this.history.read(id);
    if (!read.ok) return read;
    return read.result.entry.kind === 'analysis'
      ? { ok: true, result: read.result.saved as AnalysisResult }
      : { ok: false, why: 'This result is not of an analysis.' };
  }

  /** The result of an analysis; another one is opened by its own editor, and there is none. */
  async open(id: string): Promise<AnalysisResult | undefined> {
    const entry = (await this.history.list()).find((one) => one.id === id);
    if (entry === undefined || entry.kind === 'analysis') {
      const read = await this.read(id);
      if (!read.ok) throw new Sentence(read.why);
      return read.result;
    }
    const file = await this.history.fileOf(id);
    if (file === undefined) throw new Sentence('This result was not written to the disk, so no editor can open it.');
    await this.openFile(file);
    return undefined;
  }

  async pinned(): Promise<ReadonlySet<string>> {
    return new Set((await this.history.list()).flatMap(({ id, pinned }) => (pinned ? [id] : [])));
  }

  pin(id: string, pinned: boolean): Promise<void> {
    return this.history.pin(id, pinned);
  }

  /** Somebody has compared it or asked more of it. */
  use(id: string): Promise<void> {
    return this.history.use(id);
  }
}

const rowOf = ({ id, title, question, model, input, created, pinned }: HistoryEntry): HistoryRow =>
  defined({ id, title, question, model, input, created, pinned });
