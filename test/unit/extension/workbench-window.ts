/** A window with the workbench in it, without VS Code and without a compute server: runs end when a test says so. */
import assert from 'node:assert/strict';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { noDemos } from '../../../protocol/analysis/next-start';
import { EarlierResults } from '../../../extension/panels/workbench/earlier-results';
import { WorkbenchHost } from '../../../extension/panels/workbench/host';
import type { Known } from '../../../extension/panels/workbench/stopped-runs';
import type { WorkbenchServices } from '../../../extension/panels/workbench/services';
import type { Compute } from '../../../extension/platform/compute';
import { analysisRun } from '../../../extension/panels/workbench/run';
import { NotKept } from '../../../extension/history/history-folder';
import { entryOf } from '../../../extension/panels/workbench/tab';
import { WorkbenchTabs } from '../../../extension/panels/workbench/tabs';
import { model, pair, plan, result as planted, retrieval } from '../../browser/workbench/workbench-host';

export const setup = (seed: number): AnalysisSetup => ({ ...plan, seed });
export const resultOf = (seed: number): AnalysisResult => ({
  ...planted,
  seed,
  created: `2026-11-24T1${seed}:00:00.000Z`,
  finding: `Seed ${seed}.`,
});

/** A run that the test lets go on and end. */
interface Going {
  readonly say: (progress: AnalysisProgress) => void;
  readonly end: (result: AnalysisResult) => void;
  readonly fail: (why: string) => void;
}

/** One window: its memory and its history outlast it. */
export class Window {
  readonly going: Going[] = [];
  /** Whether each run goes on when the window closes. */
  readonly outlasts: boolean[] = [];
  readonly sent: ToWorkbench[] = [];
  /** What a person was told outside of the panel. */
  readonly reported: string[] = [];
  /** Ids of results that came with the workspace. */
  readonly foreign = new Set<string>();
  /** Ids of results that an earlier version kept as results of heads. */
  readonly earlier = new Set<string>();
  /** Why results cannot be kept, and the list cannot be read. */
  keepFails: string | undefined;
  listFails: string | undefined;
  /** Keeping waits for it, as for a slow disk. */
  disk = Promise.resolve();
  confirms = true;
  /** Tabs of stopped runs that were offered back: each takes whether it is opened again. */
  readonly offered: ((reopens: boolean) => void)[] = [];
  /** Whether runs wait for their turn; absent: all but the first. */
  waits: boolean | undefined;
  /** Nothing runs beside what the workbench has asked for. */
  idle = true;
  /** How each result came into the history, and the entries of it that somebody has used. */
  readonly keptAs: string[] = [];
  readonly used: string[] = [];
  /** Ids of pinned results. */
  readonly pinned = new Set<string>();
  private readonly listeners: (() => void)[] = [];
  readonly tabs: WorkbenchTabs;
  readonly host: WorkbenchHost;

  constructor(
    readonly memory = new Map<string, unknown>(),
    readonly kept = new Map<string, AnalysisResult>(),
    readonly asked: AnalysisResult[] = [],
    /** What stopped runs had found, by their tabs. */
    readonly stopped = new Map<string, Known>(),
  ) {
    const analysis: Compute['analysis'] = (_plan, signal, say) =>
      new Promise((end, reject) => {
        const fail = (why: string): void => reject(new Error(why));
        signal.addEventListener('abort', () => fail('stopped'));
        this.going.push({ say, end, fail });
      });
    const run = analysisRun({
      analysis,
      detached: {
        analysis,
        has: (plan) => {
          this.outlasts.push(this.tabs.outlasting.has(plan));
          return this.tabs.outlasting.has(plan);
        },
      },
      keep: async (result, plan) => {
        await this.disk;
        if (this.keepFails !== undefined) throw new NotKept(this.keepFails);
        this.keptAs.push(plan !== undefined && this.tabs.looks.isOwn(plan) ? 'by itself' : 'asked');
        kept.set(entryOf(result), result);
      },
    });
    this.tabs = new WorkbenchTabs({
      run,
      memory: {
        get: (key) => memory.get(key),
        update: (key, value) => Promise.resolve(void memory.set(key, JSON.parse(JSON.stringify(value)))),
      },
      titleOf: (id) => id,
      modelName: (folder) => folder.slice(1),
      waits: () => this.waits ?? this.going.length > 1,
      stopped: {
        keep: (tab, known) => Promise.resolve(void stopped.set(tab.id, known)),
        read: (tab) => Promise.resolve(stopped.get(tab.id)),
        drop: (tab) => Promise.resolve(void stopped.delete(tab.id)),
      },
      say: (sentence) => this.reported.push(sentence),
    });
    const entries = () =>
      [...kept].map(([id, made]) => ({
        id,
        kind: this.earlier.has(id) ? ('heads' as const) : ('analysis' as const),
        file: '',
        title: made.title,
        model: made.model.name,
        input: '',
        created: made.created,
        bytes: 1,
        pinned: this.pinned.has(id),
        byItself: false,
      }));
    const earlier = new EarlierResults(
      {
        list: () => Promise.resolve(entries()),
        search: () =>
          this.listFails === undefined ? Promise.resolve(entries()) : Promise.reject(new Error(this.listFails)),
        problems: () => Promise.resolve(['1 result is kept until this window closes only.']),
        read: (id) => {
          const saved = kept.get(id);
          const entry = entries().find((one) => one.id === id);
          return Promise.resolve(
            saved && entry
              ? { ok: true, result: { entry, saved, onlyShown: undefined, isOwn: !this.foreign.has(id) } }
              : { ok: false, why: 'This result is no longer in the history.' },
          );
        },
        pin: (id) => {
          this.pinned.add(id);
          this.changed();
          return Promise.resolve();
        },
        use: (id) => Promise.resolve(void this.used.push(id)),
        toWorkspace: (id) => Promise.resolve(`/work/.headscope/${id}.json`),
        remove: (id) => {
          kept.delete(id);
          this.changed();
          return Promise.resolve();
        },
        files: () => Promise.resolve(new Map<string, string>()),
        onChange: (listener) => {
          this.listeners.push(listener);
          return { dispose: () => undefined };
        },
      },
      { openFile: () => Promise.resolve(), confirmsDelete: () => Promise.resolve(this.confirms) },
    );
    const nothing = { dispose: () => undefined };
    const services: Partial<WorkbenchServices> = {
      run,
      tabs: this.tabs,
      earlier,
      reopens: () => new Promise((answer) => this.offered.push(answer)),
      mayRun: () => true,
      isIdle: () => this.idle,
      serverIsUp: () => true,
      plan: () => plan,
      keepSetup: () => undefined,
      save: () => Promise.resolve('Saved as first.json'),
      report: (sentence) => this.reported.push(sentence),
      demo: { folder: '/models/gpt2', label: 'gpt2', family: 'gpt2', runs: true },
      models: () => Promise.resolve([]),
      onModels: () => nothing,
      openModel: () => Promise.resolve(model),
      devices: {
        known: () => [],
        testing: () => false,
        test: () => Promise.resolve([]),
        setting: () => 'cpu',
        weights: () => 'as-stored',
        onChange: () => nothing,
      },
      catalogue: [retrieval, pair],
      tasks: [],
      demos: noDemos,
      server: {
        estimateAnalysis: () => Promise.reject(new Error('not asked')),
        askAnalysis: (of) => {
          if ('named' in of) return Promise.resolve({ kind: 'unknown-result' });
          asked.push(of);
          return Promise.resolve({ kind: 'text', id: 'answer', title: 'Closer', paragraphs: [] });
        },
        extendAnalysis: async (of, { place }, _device, signal, say) => {
          say({ kind: 'stage', sentence: 'Choosing heads', share: 0, kept: 0 });
          await settled();
          signal.throwIfAborted();
          const { alpha } = place.kind === 'variant' ? place.reinforcement : { alpha: 0 };
          return { ...of, finding: `${of.finding} Alpha ${alpha}.` };
        },
        compareAnalyses: () => Promise.resolve([]),
        corpusOf: () => Promise.reject(new Error('not asked')),
        tokenise: () => Promise.reject(new Error('not asked')),
        promptForPictures: () => Promise.reject(new Error('not asked')),
        headTile: () => Promise.reject(new Error('not asked')),
        headRow: () => Promise.reject(new Error('not asked')),
        nextTokens: () => Promise.reject(new Error('not asked')),
        generate: () => Promise.reject(new Error('not asked')),
      },
    };
    this.host = new WorkbenchHost('full', services as WorkbenchServices, (message) => this.sent.push(message));
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  receive(message: FromWorkbench): Promise<void> {
    return this.host.receive(message);
  }

  last<Kind extends ToWorkbench['kind']>(kind: Kind): Extract<ToWorkbench, { kind: Kind }> {
    const found = this.sent.findLast((message) => message.kind === kind);
    assert.ok(found, `${kind} was not sent`);
    return found as Extract<ToWorkbench, { kind: Kind }>;
  }

  /** Seeds of the tabs in their order, the one in front in brackets. */
  get row(): string {
    const { tabs, active } = this.tabs.shown;
    return tabs.map(({ id, setup: { seed } }) => (id === active ? `[${seed}]` : `${seed}`)).join(' ');
  }
}

export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
};
