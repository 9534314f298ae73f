/** A history on a real disk, and results that differ in what the history tells them apart by. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History } from '../../../../extension/history/history';
import { HistoryFolder, type Bounds, type FolderParts } from '../../../../extension/history/history-folder';
import { parseAnalysis, type AnalysisResult } from '../../../../protocol/analysis/schema';

const fixtures = join(__dirname, '../../../fixtures/results');
export const fixtureNames = readdirSync(fixtures);

export const fixture = (name: string): string => readFileSync(join(fixtures, name), 'utf8');

const parsed = parseAnalysis(fixture('ablation-2026-11-30.headscope-analysis.json'));
if (!parsed.ok) throw new Error(parsed.why);
const ablation = parsed.result;

/** A small analysis of the given minute. */
export const analysis = (minute: number, change: Partial<AnalysisResult> = {}): AnalysisResult => ({
  ...ablation,
  created: new Date(Date.UTC(2026, 10, 30, 12, minute)).toISOString(),
  sections: [],
  result: {},
  ...change,
});

/** The prompt that a test searches for. */
export const prompted = (text: string): Pick<AnalysisResult, 'input' | 'prompts'> => ({
  input: { kind: 'prompt', prompt: { kind: 'text', text } },
  prompts: [{ text, ids: [1], tokens: [text] }],
});

export class Store {
  readonly root = mkdtempSync(join(tmpdir(), 'headscope-history-'));
  /** What went into the workspace, by the names of its files. */
  readonly shared: (readonly [string, string])[] = [];
  bounds: Bounds = { results: 100, bytes: 1e9 };

  at(name: string): string {
    return join(this.root, name);
  }

  folder(name = 'history', parts: Partial<FolderParts> = {}): HistoryFolder {
    return new HistoryFolder({
      path: this.at(name),
      mayWrite: true,
      holds: 'own',
      questionOf: (id) => (id === 'ablation' ? 'Which heads does the prediction need?' : undefined),
      ...parts,
    });
  }

  /** As a window that opens now. */
  window(target = this.folder(), ...others: readonly HistoryFolder[]): History {
    return new History({
      folders: () => [target, ...others],
      target: () => target,
      bounds: () => this.bounds,
      share: (name, text) => {
        this.shared.push([name, text]);
        return Promise.resolve(`/work/.headscope/${name}`);
      },
      prepare: () => Promise.resolve(),
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
