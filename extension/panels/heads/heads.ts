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
import type { HeadAt } from '../model-panel-host';
import { PanelHosts } from '../panel-hosts';
import { demoPlan, planToStore, storedPlan } from './default-plan';
import { browseModel, chooseHeads, loadIntervention, saveIntervention, saveLabels } from './dialogs';
import { HeadAnswers } from './head-answers';
import type { HeadsStart, HeadsWorld } from './world';
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
  readonly #hosts: PanelHosts<FromHeadsPanel, ToHeadsPanel, HeadsHost>;

  constructor(parts: HeadsParts) {
    super();
    this.#parts = parts;
    this.#hosts = this.own(new PanelHosts(parts.extension, { panel: 'heads', title: 'Heads of a model' }));
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
        if (method === 'generate') for (const host of this.#hosts.all) host.overdue();
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
    return this.#hosts.full?.shown ?? this.run.result;
  }

  /** Connects a webview; its host lives as long as the webview does. */
  async attach(
    webview: vscode.Webview,
    place: HeadsPlace,
    start: HeadsRequestToShow & Pick<HeadsStart, 'file'> = {},
  ): Promise<HeadsHost> {
    const known = start.file !== undefined || this.run.plan !== undefined;
    const shown = known ? undefined : await this.#parts.recent.latest().catch(() => undefined);
    const whole: HeadsStart = { ...start, ...(shown === undefined ? {} : { shown }) };
    return this.#hosts.attach(webview, place, (send) => new HeadsHost(place, this.#world(), send, whole));
  }

  release(host: HeadsHost): void {
    this.#hosts.release(host);
  }

  /** The full panel, made or brought to the front. */
  async open({ plan, select }: HeadsRequestToShow = {}): Promise<HeadsHost> {
    if (plan !== undefined) this.#keep(plan);
    const open = this.#hosts.reveal();
    if (open !== undefined) {
      if (plan !== undefined || select !== undefined) await open.show(plan, select);
      return open;
    }
    const panel = vscode.window.createWebviewPanel(headsPanel, 'Heads', vscode.ViewColumn.Active);
    return this.restore(panel, {
      ...(plan === undefined ? {} : { plan }),
      ...(select === undefined ? {} : { select }),
    });
  }

  /** Fills a panel that is new, or that VS Code brought back after a reload. */
  restore(panel: vscode.WebviewPanel, start: HeadsRequestToShow = {}): Promise<HeadsHost> {
    return this.#hosts.fill(panel, (webview) => this.attach(webview, 'full', start));
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
