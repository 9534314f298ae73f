/**
 * The kernels webviews of this window: one full panel, one side view, an editor per saved file, all around one run.
 */
import * as vscode from 'vscode';
import { contextKeys, kernelsPanel } from '../../../protocol/contributions/views';
import type { FromKernelsPanel, KernelsPlace, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkPlan, BenchmarkResult } from '../../../protocol/results/benchmark';
import type { ModelIndex } from '../../models/model-index';
import type { Compute } from '../../platform/compute';
import type { Log } from '../../platform/log';
import { showFailure } from '../../platform/log';
import { Owner } from '../../platform/owner';
import { setting } from '../../platform/settings';
import { mayRun } from '../../platform/trust';
import { chooseResult } from '../../results/choose-result';
import type { ResultLibrary } from '../../results/result-library';
import { openLink, placeOf, saveExport, startingFolder } from '../exports';
import { resultFileName } from '../../results/result-words';
import { PanelHosts } from '../panel-hosts';
import { defaultPlan, storedPlan } from './default-plan';
import type { KernelsWorld, NamedResult, ShownFile } from './host';
import { KernelsHost } from './host';
import type { Draft } from './run';
import { BenchmarkRun } from './run';

const planKey = 'kernels.plan';
const draftKey = 'kernels.draft';
/** Where the last result was saved, so that a reloaded window shows it again. */
const lastKey = 'kernels.last';

export interface KernelsParts {
  readonly extension: vscode.Uri;
  readonly memory: vscode.Memento;
  readonly compute: Compute;
  readonly models: ModelIndex;
  readonly library: ResultLibrary;
  readonly log: Log;
}

export class Kernels extends Owner {
  readonly run: BenchmarkRun;
  readonly #parts: KernelsParts;
  readonly #hosts: PanelHosts<FromKernelsPanel, ToKernelsPanel, KernelsHost>;
  /** A config that "benchmark the attention of this config" named and that may lie outside what the index finds. */
  #beside: vscode.Uri | undefined;

  constructor(parts: KernelsParts) {
    super();
    this.#parts = parts;
    this.#hosts = this.own(new PanelHosts(parts.extension, { panel: 'kernels', title: 'Attention kernels' }));
    this.run = this.own(
      new BenchmarkRun(
        {
          benchmark: (plan, signal, onProgress) => parts.compute.benchmark(plan, signal, onProgress),
          stopped: (plan) => parts.compute.stoppedBenchmark(plan),
          save: (result) => this.#save(result),
          keepDraft: (draft) => void parts.memory.update(draftKey, draft),
        },
        storedDraft(parts.memory.get(draftKey)),
      ),
    );
    this.own(parts.compute.onOverdue((method) => method === 'benchmark' && this.run.overdue()));
    this.own(
      this.run.onEvent(({ kind }) => {
        if (kind === 'started' || kind === 'result' || kind === 'failed') {
          void vscode.commands.executeCommand('setContext', contextKeys.benchmarkRunning, this.run.running);
        }
      }),
    );
  }

  /** Connects a webview; its host lives as long as the webview does. */
  async attach(
    webview: vscode.Webview,
    place: KernelsPlace,
    start: { readonly file?: ShownFile; readonly shapeUri?: string } = {},
  ): Promise<KernelsHost> {
    const shown = start.file === undefined ? await this.#last() : undefined;
    const whole = { ...start, ...(shown === undefined ? {} : { shown }) };
    return this.#hosts.attach(webview, place, (send) => new KernelsHost(place, this.#world(), send, whole));
  }

  release(host: KernelsHost): void {
    this.#hosts.release(host);
  }

  /** The full panel, made or brought to the front. */
  async open(
    request: { readonly shape?: vscode.Uri; readonly shapeUri?: string; readonly plan?: BenchmarkPlan } = {},
  ): Promise<KernelsHost> {
    if (request.shape !== undefined) this.#beside = request.shape;
    const shapeUri = request.shapeUri ?? request.shape?.toString();
    const open = this.#hosts.reveal();
    if (open !== undefined) {
      if (request.plan !== undefined) await open.showPlan(request.plan);
      if (shapeUri !== undefined) await open.showShape(shapeUri);
      return open;
    }
    const panel = vscode.window.createWebviewPanel(kernelsPanel, 'Attention Kernels', vscode.ViewColumn.Active);
    return this.restore(panel, {
      ...(shapeUri === undefined ? {} : { shapeUri }),
      ...(request.plan === undefined ? {} : { plan: request.plan }),
    });
  }

  /** Fills a panel that is new, or that VS Code brought back after a reload. */
  async restore(
    panel: vscode.WebviewPanel,
    start: { readonly shapeUri?: string; readonly plan?: BenchmarkPlan } = {},
  ): Promise<KernelsHost> {
    if (start.plan !== undefined) await this.#parts.memory.update(planKey, start.plan);
    const shape = start.shapeUri === undefined ? {} : { shapeUri: start.shapeUri };
    return this.#hosts.fill(panel, (webview) => this.attach(webview, 'full', shape));
  }

  #world(): KernelsWorld {
    const { compute, models, library, memory, log } = this.#parts;
    return {
      run: this.run,
      mayRun,
      serverIsUp: () => compute.isUp,
      mechanisms: () => compute.mechanisms(),
      devices: (again) => compute.devices(again),
      knownDevices: () => compute.knownDevices,
      supports: (plan) => compute.supports(plan),
      neighborhoodBound: (request) => compute.neighborhoodBound(request),
      mechanismView: (request) => compute.mechanismView(request),
      shapes: () => models.shapes(this.#beside),
      plan: () => storedPlan(memory.get(planKey)) ?? defaultPlan(setting),
      keepPlan: (plan) => void memory.update(planKey, plan),
      openFull: (plan) => void this.open({ plan }),
      saveAs: (result) => this.#saveAs(result),
      choose: (other) => this.#choose(library, other),
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      openLink,
      report: (sentence, details) => showFailure(log, sentence, details),
      onShapes: (listener) => models.onChange(listener),
    };
  }

  async #save(result: BenchmarkResult): Promise<string> {
    const uri = await this.#parts.library.save(result);
    await this.#parts.memory.update(lastKey, uri.toString());
    return placeOf(uri);
  }

  async #saveAs(result: BenchmarkResult): Promise<string | undefined> {
    const uri = await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.joinPath(startingFolder(), resultFileName(result)),
      filters: { 'Headscope benchmark': ['headscope-bench.json'] },
      title: 'Save Result',
    });
    if (uri === undefined) return undefined;
    await this.#parts.library.write(uri, result);
    return placeOf(uri);
  }

  async #choose(library: ResultLibrary, other: BenchmarkResult | undefined): Promise<NamedResult | undefined> {
    const chosen = await chooseResult(
      await library.benchmarks(),
      'Compare with',
      ({ content }) => content.result.created !== other?.created,
    );
    return chosen === undefined ? undefined : { name: chosen.name, result: chosen.content.result };
  }

  /** The last result of this workspace, when its file is still there. */
  async #last(): Promise<BenchmarkResult | undefined> {
    const text = this.#parts.memory.get<unknown>(lastKey);
    if (typeof text !== 'string' || this.run.result !== undefined || this.run.plan !== undefined) return undefined;
    const saved = await this.#parts.library.read(vscode.Uri.parse(text, true));
    return saved.kind === 'benchmark' && saved.content.ok ? saved.content.result : undefined;
  }
}

function storedDraft(value: unknown): Draft | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { plan, rows } = value as Partial<Record<keyof Draft, unknown>>;
  const stored = storedPlan(plan);
  return stored !== undefined && Array.isArray(rows) ? { plan: stored, rows: rows as Draft['rows'] } : undefined;
}
