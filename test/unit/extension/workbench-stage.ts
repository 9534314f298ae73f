/** The host of the workbench with a played extension around it, for its tests. */
import { PanelDevicesDouble } from '../../support/device/panel-devices';
import assert from 'node:assert/strict';
import { NotKept } from '../../../extension/history/history-folder';
import type { EarlierResults } from '../../../extension/panels/workbench/earlier-results';
import { WorkbenchHost } from '../../../extension/panels/workbench/host';
import { analysisRun } from '../../../extension/panels/workbench/run';
import type { WorkbenchServices, WorkbenchTypes } from '../../../extension/panels/workbench/services';
import { WorkbenchTabs } from '../../../extension/panels/workbench/tabs';
import type { PanelStart } from '../../../extension/panels/panel-types';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import { noDemos } from '../../../protocol/analysis/next-start';
import type { AnalysisRequest, AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { GenerateProgress, GenerateReply } from '../../../protocol/compute/models';
import type { GenerateRequest, HeadTileRequest } from '../../../protocol/compute/model-requests';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { ModelChoice, PanelPlace } from '../../../protocol/panels/run-panel';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import type { Plan } from '../../../protocol/plans/plan-file';
import { resultOfHeads } from '../../../protocol/results/earlier/heads';
import type { HeadTile } from '../../../protocol/results/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { FailureError } from '../../../protocol/wire/failures';
import { pair } from '../../browser/workbench/workbench-host';
import { headsResult, modelSummary } from './samples';

export const demo: ModelChoice = { folder: '/extension/demo-lm', label: 'demo-lm', family: 'llama', runs: true };
export const plan = (change: Partial<AnalysisSetup> = {}): AnalysisSetup => ({
  analysis: 'heads',
  folder: '/models/tiny',
  input: { kind: 'prompt', prompt: { kind: 'text', text: 'a b c' } },
  parameters: {},
  interventions: [],
  seed: 0,
  ...change,
});
export const resultOf = (change: Partial<HeadsResult> = {}): AnalysisResult => resultOfHeads(headsResult(change));
export const known = (finding: string): AnalysisProgress => ({ kind: 'partial', finding, sections: [] });
export const tileOf = (request: HeadTileRequest): HeadTile => ({ ...request, data: new Float32Array(1) });
export const tileAt = (request: number) => ({
  kind: 'tile' as const,
  request,
  layer: 0,
  head: 1,
  rowStart: request,
  rowCount: 1,
  columnStart: 0,
  columnCount: 1,
  outRows: 1,
  outColumns: 1,
});
export const generate = (request: number, interventions: readonly Intervention[] = []) => ({
  kind: 'generate' as const,
  request,
  interventions,
  maxNewTokens: 4,
  temperature: 0,
  topP: 1,
  seed: 0,
});
export const gain0 = { kind: 'gain', layer: 1, head: 0, gain: 0 } as const;

/** What was asked and is answered when the test says so. */
class Question<Asked, Answer> {
  readonly answer: (value: Answer) => void;
  readonly fail: (error: unknown) => void;
  readonly promise: Promise<Answer>;

  constructor(readonly asked: Asked) {
    let settle: [(value: Answer) => void, (error: unknown) => void] | undefined;
    this.promise = new Promise((resolve, reject) => (settle = [resolve, reject]));
    if (settle === undefined) throw new Error('unreachable');
    [this.answer, this.fail] = settle;
  }
}

/** Everything that settles by itself has settled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Running extends Question<AnalysisRequest, AnalysisResult> {
  readonly signal: AbortSignal;
  readonly progress: (progress: AnalysisProgress) => void;
}
interface Generating extends Question<GenerateRequest, GenerateReply> {
  readonly signal: AbortSignal;
  readonly token: (progress: GenerateProgress) => void;
}

const notAsked = (): Promise<never> => Promise.reject(new Error('not asked'));

/** A compute server and a window in which nothing happens unless the test says so. */
export class Stage {
  may: true | string = true;
  up = true;
  choices: readonly ModelChoice[] = [demo];
  opened: string[] = [];
  summary: ModelSummary | FailureError = modelSummary();
  readonly runs: Running[] = [];
  readonly tiles: Question<HeadTileRequest, HeadTile>[] = [];
  readonly generations: Generating[] = [];
  readonly kept: AnalysisResult[] = [];
  keepFails = false;
  readonly plans: AnalysisSetup[] = [];
  readonly pages: string[] = [];
  readonly saved: AnalysisResult[] = [];
  readonly interventions: (readonly Intervention[])[] = [];
  readonly labels: HeadsResult[] = [];
  readonly explained: AnalysisSetup[] = [];
  loaded: readonly Intervention[] | undefined;
  boundedBy: ModelSummary | undefined;
  chosenPlan: Plan | undefined;
  vector: Intervention | undefined;
  other: { name: string; result: AnalysisResult } | undefined;
  readonly reports: string[] = [];
  stored: AnalysisSetup = plan();

  private readonly openModel: WorkbenchServices['openModel'] = (folder, device, _weights, adapter) => {
    this.opened.push(adapter === undefined ? folder : `${folder} with ${adapter}`);
    this.openedOn.push(device);
    return this.summary instanceof FailureError
      ? Promise.reject(this.summary)
      : Promise.resolve({ ...this.summary, folder, ...(adapter === undefined ? {} : { adapter }) });
  };

  readonly run = analysisRun({
    analysis: (request, signal, progress) => {
      const question = Object.assign(new Question<AnalysisRequest, AnalysisResult>(request), { signal, progress });
      this.runs.push(question);
      return question.promise;
    },
    keep: (kept) => {
      this.kept.push(kept);
      return this.keepFails ? Promise.reject(new NotKept('The disk of /kept is full.')) : Promise.resolve();
    },
  });

  private readonly memory = new Map<string, unknown>();
  private readonly tabs = new WorkbenchTabs({
    run: this.run,
    memory: {
      get: (key) => this.memory.get(key),
      update: (key, value) => Promise.resolve(void this.memory.set(key, value)),
    },
    titleOf: (id) => id,
    modelName: (folder) => folder,
    waits: () => false,
    stopped: { keep: () => Promise.resolve(), read: () => Promise.resolve(undefined), drop: () => Promise.resolve() },
    say: () => undefined,
  });

  readonly devices = new PanelDevicesDouble();
  readonly openedOn: (string | undefined)[] = [];
  corpusOf: WorkbenchServices['server']['corpusOf'] = notAsked;
  readonly server: Partial<WorkbenchServices['server']> = {
    estimateAnalysis: notAsked,
    askAnalysis: notAsked,
    compareAnalyses: () => Promise.resolve([]),
    corpusOf: (file) => this.corpusOf(file),
    tokenise: (_folder, prompt) =>
      Promise.resolve({ ids: [1], tokens: [prompt.kind === 'text' ? prompt.text : 'ids'] }),
    headTile: (request) => {
      const question = new Question<HeadTileRequest, HeadTile>(request);
      this.tiles.push(question);
      return question.promise;
    },
    headRow: ({ query }) => Promise.resolve(Float32Array.of(query)),
    nextTokens: ({ variants }) =>
      Promise.resolve(
        [[], ...variants].map((interventions) => ({
          interventions,
          top: [],
          divergence: interventions.length,
          entropy: 1,
        })),
      ),
    generate: (request, signal, token) => {
      const question = Object.assign(new Question<GenerateRequest, GenerateReply>(request), { signal, token });
      this.generations.push(question);
      return question.promise;
    },
  };

  panel(place: PanelPlace, start: PanelStart<WorkbenchTypes> = {}): { host: WorkbenchHost; sent: ToWorkbench[] } {
    const sent: ToWorkbench[] = [];
    const nothing = { dispose: () => undefined };
    const services: Partial<WorkbenchServices> = {
      run: this.run,
      server: this.server as WorkbenchServices['server'],
      catalogue: [{ ...pair, id: 'heads', inputs: ['prompt'] }],
      tasks: [],
      demos: noDemos,
      tabs: this.tabs,
      earlier: {
        onChange: () => nothing,
        pinned: () => Promise.resolve(new Set<string>()),
        read: () => Promise.resolve({ ok: false, why: 'This result is no longer in the history.' }),
      } as unknown as EarlierResults,
      devices: this.devices,
      demo,
      mayRun: () => this.may,
      models: () => Promise.resolve(this.choices),
      onModels: () => nothing,
      openModel: this.openModel,
      serverIsUp: () => this.up,
      plan: () => this.stored,
      keepSetup: (kept) => this.plans.push(kept),
      openFull: (kept) => this.plans.push(kept),
      browse: () => Promise.resolve('/models/other'),
      browseAdapter: () => Promise.resolve('/models/mine'),
      showPage: (page) => Promise.resolve(void this.pages.push(page)),
      save: (kept) => {
        this.saved.push(kept);
        return Promise.resolve('.headscope/tiny');
      },
      explain: (analysis) => Promise.resolve(void this.explained.push(analysis)),
      saveLabels: (result) => Promise.resolve(void this.labels.push(result)),
      saveIntervention: (_model, interventions) => Promise.resolve(void this.interventions.push(interventions)),
      choosePlan: (model) => {
        this.boundedBy = model;
        return Promise.resolve(this.chosenPlan);
      },
      chooseVector: () => Promise.resolve(this.vector),
      loadIntervention: (model) => {
        this.boundedBy = model;
        return Promise.resolve(this.loaded);
      },
      chooseOther: () => Promise.resolve(this.other),
      export: () => Promise.resolve(),
      copy: () => Promise.resolve(),
      report: (sentence) => this.reports.push(sentence),
    };
    const host = new WorkbenchHost(place, services as WorkbenchServices, (message) => sent.push(message), start);
    return { host, sent };
  }

  async ready(place: PanelPlace, start: PanelStart<WorkbenchTypes> = {}) {
    const panel = this.panel(place, start);
    await panel.host.receive({ kind: 'ready' });
    return panel;
  }
}

export const kinds = (sent: readonly ToWorkbench[]): string[] => sent.map(({ kind }) => kind);
export const last = <K extends ToWorkbench['kind']>(
  sent: readonly ToWorkbench[],
  kind: K,
): Extract<ToWorkbench, { kind: K }> => {
  const found = sent.findLast((message) => message.kind === kind);
  assert.ok(found, `${kind} in ${kinds(sent).join(', ')}`);
  return found as Extract<ToWorkbench, { kind: K }>;
};
export const crashed = new FailureError({ code: 'compute-restarted', detail: 'signal SIGKILL' });
