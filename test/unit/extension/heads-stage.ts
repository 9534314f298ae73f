/** The Heads host with a played extension around it, for its tests. */
import { PanelDevicesDouble } from '../../support/device/panel-devices';
import assert from 'node:assert/strict';
import { NotKept } from '../../../extension/history/history-folder';
import { HeadsHost, type HeadsServices, type HeadsTypes } from '../../../extension/panels/heads/host';
import { headsRun } from '../../../extension/panels/heads/run';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { PanelStart } from '../../../extension/panels/panel-types';
import type { GenerateProgress, GenerateReply, HeadsProgress, HeadsReply } from '../../../protocol/compute/models';
import type { GenerateRequest, HeadsRequest, HeadTileRequest } from '../../../protocol/compute/model-requests';
import type { HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { HeadsPlace, ToHeadsPanel } from '../../../protocol/panels/heads';
import type { ModelChoice } from '../../../protocol/panels/run-panel';
import { type HeadTile, headStatisticNames } from '../../../protocol/results/heads';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { FailureError } from '../../../protocol/wire/failures';
import { headsResult, modelSummary, thumbnails } from './samples';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import type { AnalysisSetup, AnalysisRequest, AnalysisResult } from '../../../protocol/analysis/schema';

export const demo: ModelChoice = { folder: '/extension/demo-lm', label: 'demo-lm', family: 'llama', runs: true };
export const plan = (change: Partial<HeadsSetup> = {}): HeadsSetup => ({
  folder: '/models/tiny',
  prompt: { kind: 'text', text: 'a b c' },
  interventions: [],
  classify: true,
  causal: false,
  seed: 0,
  ...change,
});
export const reply = (): HeadsReply => ({ result: headsResult(), thumbnails: thumbnails() });
export const layerMessage = (layer: number): HeadsProgress => {
  const { statistics } = headsResult();
  const row = Object.fromEntries(headStatisticNames.map((name) => [name, statistics[name][layer]]));
  return { kind: 'layer', layer, statistics: row as Extract<HeadsProgress, { kind: 'layer' }>['statistics'] };
};
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
export class Question<Asked, Answer> {
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

export interface Running extends Question<HeadsRequest, HeadsReply> {
  readonly signal: AbortSignal;
  readonly progress: (progress: HeadsProgress) => void;
}
export interface Generating extends Question<GenerateRequest, GenerateReply> {
  readonly signal: AbortSignal;
  readonly token: (progress: GenerateProgress) => void;
}

export interface Analysing extends Question<AnalysisRequest, AnalysisResult> {
  readonly signal: AbortSignal;
  readonly progress: (progress: AnalysisProgress) => void;
}

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
  readonly analyses: Analysing[] = [];
  readonly kept: HeadsReply[] = [];
  keepFails = false;
  readonly plans: HeadsSetup[] = [];
  readonly pages: string[] = [];
  readonly saved: HeadsReply[] = [];
  readonly interventions: (readonly Intervention[])[] = [];
  readonly explained: AnalysisSetup[] = [];
  loaded: readonly Intervention[] | undefined;
  boundedBy: ModelSummary | undefined;
  chosenPlan: Plan | undefined;
  vector: Intervention | undefined;
  other: { name: string; result: HeadsReply['result'] } | undefined;
  readonly reports: string[] = [];
  stored: HeadsSetup = plan();

  private readonly openModel = (folder: string, device?: string): Promise<ModelSummary> => {
    this.opened.push(folder);
    this.openedOn.push(device);
    return this.summary instanceof FailureError
      ? Promise.reject(this.summary)
      : Promise.resolve({ ...this.summary, folder });
  };

  readonly run = headsRun({
    heads: (request, signal, progress) => {
      const question = Object.assign(new Question<HeadsRequest, HeadsReply>(request), { signal, progress });
      this.runs.push(question);
      return question.promise;
    },
    keep: (kept) => {
      this.kept.push(kept);
      return this.keepFails ? Promise.reject(new NotKept('The disk of /kept is full.')) : Promise.resolve();
    },
  });

  readonly devices = new PanelDevicesDouble();
  readonly openedOn: (string | undefined)[] = [];
  readonly server: HeadsServices['server'] = {
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
    analysis: (request, signal, progress) => {
      const question = Object.assign(new Question<AnalysisRequest, AnalysisResult>(request), { signal, progress });
      this.analyses.push(question);
      return question.promise;
    },
    generate: (request, signal, token) => {
      const question = Object.assign(new Question<GenerateRequest, GenerateReply>(request), { signal, token });
      this.generations.push(question);
      return question.promise;
    },
  };

  panel(place: HeadsPlace, start: PanelStart<HeadsTypes> = {}): { host: HeadsHost; sent: ToHeadsPanel[] } {
    const sent: ToHeadsPanel[] = [];
    const host = new HeadsHost(
      place,
      {
        run: this.run,
        server: this.server,
        devices: this.devices,
        demo,
        mayRun: () => this.may,
        models: () => Promise.resolve(this.choices),
        onModels: () => ({ dispose: () => undefined }),
        openModel: this.openModel,
        serverIsUp: () => this.up,
        plan: () => this.stored,
        keepSetup: (kept) => this.plans.push(kept),
        openFull: (kept) => this.plans.push(kept),
        browse: () => Promise.resolve('/models/other'),
        showPage: (page) => Promise.resolve(void this.pages.push(page)),
        save: (kept) => {
          this.saved.push(kept);
          return Promise.resolve('.headscope/tiny');
        },
        explain: (analysis) => {
          this.explained.push(analysis);
          return Promise.resolve();
        },
        saveLabels: () => Promise.resolve(),
        saveIntervention: (_model, interventions) => {
          this.interventions.push(interventions);
          return Promise.resolve();
        },
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
      },
      (message) => sent.push(message),
      start,
    );
    return { host, sent };
  }

  async ready(place: HeadsPlace, start: PanelStart<HeadsTypes> = {}) {
    const panel = this.panel(place, start);
    await panel.host.receive({ kind: 'ready' });
    return panel;
  }
}

export const kinds = (sent: readonly ToHeadsPanel[]): string[] => sent.map(({ kind }) => kind);
export const last = <K extends ToHeadsPanel['kind']>(
  sent: readonly ToHeadsPanel[],
  kind: K,
): Extract<ToHeadsPanel, { kind: K }> => {
  const found = sent.findLast((message) => message.kind === kind);
  assert.ok(found, `${kind} in ${kinds(sent).join(', ')}`);
  return found as Extract<ToHeadsPanel, { kind: K }>;
};
export const crashed = new FailureError({ code: 'compute-restarted', detail: 'signal SIGKILL' });
