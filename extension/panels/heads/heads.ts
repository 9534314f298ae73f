/**
 * The heads webviews of this window: one full panel, one side view, an editor per saved file, all around one run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { contextKeys, headsPanel } from '../../../protocol/contributions/views';
import type { FromHeadsPanel, HeadsPlace, HeadsPlan, ModelChoice, ToHeadsPanel } from '../../../protocol/panels/heads';
import { demoChoice } from '../../models/model-choices';
import type { ModelIndex } from '../../models/model-index';
import { realFolder } from '../../models/real-folder';
import type { Compute } from '../../platform/compute';
import type { Log } from '../../platform/log';
import { showFailure } from '../../platform/log';
import { Owner } from '../../platform/owner';
import { mayRun } from '../../platform/trust';
import type { RecentHeads } from '../../results/recent-runs';
import type { ResultLibrary } from '../../results/result-library';
import { placeOf, saveExport } from '../exports';
import { dressWebview } from '../webview';
import { demoPlan, planToStore, storedPlan } from './default-plan';
import { browseModel, chooseHeads, loadIntervention, saveIntervention, saveLabels } from './dialogs';
import { HeadAnswers } from './head-answers';
import type { HeadAt, HeadsStart, HeadsWorld, ShownFile } from './world';
import { HeadsHost } from './host';
import { HeadsRun } from './run';

const planKey = 'heads.plan';

export interface HeadsParts {
  readonly extension: vscode.Uri;
  readonly memory: vscode.Memento;
  readonly compute: Compute;
  readonly models: ModelIndex;
  readonly library: ResultLibrary;
  readonly recent: RecentHeads;
  readonly log: Log;
}

export interface HeadsRequestToShow {
  readonly plan?: HeadsPlan;
  readonly select?: HeadAt;
}

export class Heads extends Owner {
  readonly run: HeadsRun;
  readonly #parts: HeadsParts;
  readonly #demo: ModelChoice;
  readonly #answers: HeadAnswers;
  readonly #hosts = new Set<HeadsHost>();
  #full: { readonly panel: vscode.WebviewPanel; readonly host: HeadsHost } | undefined;

  constructor(parts: HeadsParts) {
    super();
    this.#parts = parts;
    const demo = realFolder(vscode.Uri.joinPath(parts.extension, 'examples', 'models', 'demo-lm').fsPath);
    this.#demo = demoChoice(demo, existsSync(join(demo, 'config.json')));
    this.#answers = new HeadAnswers(parts.compute);
    this.run = this.own(
      new HeadsRun({
        heads: (request, signal, onProgress) => parts.compute.heads(request, signal, onProgress),
        keep: (reply) => parts.recent.keep(reply),
      }),
    );
    this.own(
      parts.compute.onOverdue((method) => {
        if (method === 'heads') this.run.overdue();
        if (method === 'generate') for (const host of this.#hosts) host.overdue();
      }),
    );
    this.own(
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        for (const host of this.#hosts) void host.refresh();
      }),
    );
    this.own(
      this.run.onEvent(({ kind }) => {
        if (kind === 'started' || kind === 'result' || kind === 'failed') {
          void vscode.commands.executeCommand('setContext', contextKeys.headsRunning, this.run.running);
        }
      }),
    );
  }

  /** The plan as it was left in this workspace, or the demo. */
  get plan(): HeadsPlan {
    const { folder } = this.#demo;
    return storedPlan(this.#parts.memory.get(planKey), folder) ?? demoPlan(folder);
  }

  /** The result in the full panel, or of the last run. */
  get shown(): HeadsHost['shown'] {
    return this.#full?.host.shown ?? this.run.result;
  }

  /** Connects a webview; its host lives as long as the webview does. */
  async attach(
    webview: vscode.Webview,
    place: HeadsPlace,
    start: HeadsRequestToShow & { readonly file?: ShownFile } = {},
  ): Promise<HeadsHost> {
    const known = start.file !== undefined || this.run.plan !== undefined;
    const shown = known ? undefined : await this.#parts.recent.latest().catch(() => undefined);
    const whole: HeadsStart = { ...start, ...(shown === undefined ? {} : { shown }) };
    const send = (message: ToHeadsPanel): void => void webview.postMessage(message);
    const host = new HeadsHost(place, this.#world(), send, whole);
    webview.onDidReceiveMessage((message: FromHeadsPanel) => host.receive(message));
    dressWebview(webview, this.#parts.extension, { panel: 'heads', place, title: 'Heads of a model' });
    this.#hosts.add(host);
    return host;
  }

  release(host: HeadsHost): void {
    this.#hosts.delete(host);
    host.dispose();
  }

  /** The full panel, made or brought to the front. */
  async open({ plan, select }: HeadsRequestToShow = {}): Promise<HeadsHost> {
    if (plan !== undefined) this.#keep(plan);
    const open = this.#full;
    if (open !== undefined) {
      open.panel.reveal();
      if (plan !== undefined || select !== undefined) await open.host.show(plan, select);
      return open.host;
    }
    const panel = vscode.window.createWebviewPanel(headsPanel, 'Heads', vscode.ViewColumn.Active);
    return this.restore(panel, {
      ...(plan === undefined ? {} : { plan }),
      ...(select === undefined ? {} : { select }),
    });
  }

  /** Fills a panel that is new, or that VS Code brought back after a reload. */
  async restore(panel: vscode.WebviewPanel, start: HeadsRequestToShow = {}): Promise<HeadsHost> {
    panel.iconPath = vscode.Uri.joinPath(this.#parts.extension, 'extension', 'media', 'panel.svg');
    const host = await this.attach(panel.webview, 'full', start);
    this.#full = { panel, host };
    panel.onDidChangeViewState(() => {
      if (!panel.visible) host.hide();
    });
    panel.onDidDispose(() => {
      if (this.#full?.panel === panel) this.#full = undefined;
      this.release(host);
    });
    return host;
  }

  override dispose(): void {
    for (const host of [...this.#hosts]) this.release(host);
    super.dispose();
  }

  #keep(plan: HeadsPlan): void {
    void this.#parts.memory.update(planKey, planToStore(plan, this.#demo.folder));
  }

  #world(): HeadsWorld {
    const { compute, models, library, recent, log } = this.#parts;
    return {
      run: this.run,
      answers: this.#answers,
      demo: this.#demo,
      mayRun,
      models: () => models.choices(this.#demo),
      onModels: (listener) => models.onChange(listener),
      openModel: (folder) => compute.openModel(folder),
      tokenise: (folder, prompt) => compute.tokenise(folder, prompt),
      serverIsUp: () => compute.isUp,
      plan: () => this.plan,
      keepPlan: (plan) => this.#keep(plan),
      openFull: (plan, select) => void this.open({ plan, ...(select === undefined ? {} : { select }) }),
      browse: browseModel,
      save: async (reply) => placeOf(await library.saveHeads(reply)),
      saveLabels,
      saveIntervention,
      loadIntervention,
      choose: (other) => chooseHeads(library, recent, other),
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
  }
}
