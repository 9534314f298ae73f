/** The Hallucination webviews of this window: one full panel, one side view, an editor per saved file, all around one run. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { contextKeys, hallucinationPanel } from '../../../protocol/contributions/views';
import type { ModelChoice } from '../../../protocol/panels/heads';
import type {
  FromHallucinationPanel,
  HallucinationPlace,
  HallucinationPlan,
  ToHallucinationPanel,
} from '../../../protocol/panels/hallucination';
import { demoChoice, demoVisionChoice } from '../../models/model-choices';
import type { ModelIndex } from '../../models/model-index';
import { realFolder } from '../../models/real-folder';
import type { Compute } from '../../platform/compute';
import type { Log } from '../../platform/log';
import { showFailure } from '../../platform/log';
import { Owner } from '../../platform/owner';
import { mayRun } from '../../platform/trust';
import type { RecentHallucination } from '../../results/recent-runs';
import type { ResultLibrary } from '../../results/result-library';
import { placeOf, saveExport } from '../exports';
import { browseModel } from '../heads/dialogs';
import type { HeadAt } from '../model-panel-host';
import { PanelHosts } from '../panel-hosts';
import { demoPlan, planToStore, storedPlan, type Demo } from './default-plan';
import { browseImage, browseImages, browseLexicon, chooseHallucination, openCard, pictureOf } from './dialogs';
import { HallucinationHost } from './host';
import { besideImage, imageType, parseTruth, readImageFolder, readLexicon, truthFile } from './image-folder';
import { readModelCard } from './model-card';
import { HallucinationRun } from './run';
import type { HallucinationStart, HallucinationWorld } from './world';

const planKey = 'hallucination.plan';

export interface HallucinationParts {
  readonly extension: vscode.Uri;
  readonly memory: vscode.Memento;
  readonly compute: Compute;
  readonly models: ModelIndex;
  readonly library: ResultLibrary;
  readonly recent: RecentHallucination;
  readonly log: Log;
}

export interface HallucinationToShow {
  readonly plan?: HallucinationPlan;
  readonly select?: HeadAt;
}

interface Known {
  readonly demo: Demo;
  readonly choice: ModelChoice;
  /** The model of text that comes with the extension, for spans of a text; none where the package lacks it. */
  readonly text: readonly ModelChoice[];
}

export class HallucinationPanels extends Owner {
  readonly run: HallucinationRun;
  readonly #parts: HallucinationParts;
  /** Read from disk when a panel first asks: activation reads nothing. */
  #known: Known | undefined;
  readonly #root: string;
  readonly #hosts: PanelHosts<FromHallucinationPanel, ToHallucinationPanel, HallucinationHost>;

  constructor(parts: HallucinationParts) {
    super();
    this.#parts = parts;
    this.#hosts = this.own(
      new PanelHosts(parts.extension, { panel: 'hallucination', title: 'Hallucination heads of a model' }),
    );
    this.#root = realFolder(parts.extension.fsPath);
    this.run = this.own(
      new HallucinationRun({
        hallucination: (request, signal, onProgress) => parts.compute.hallucination(request, signal, onProgress),
        hallucinationSet: (request, signal, onProgress) => parts.compute.hallucinationSet(request, signal, onProgress),
        images: readImageFolder,
        besideImage,
        lexicon: readLexicon,
        keep: (saved) => parts.recent.keep(saved),
      }),
    );
    this.own(
      parts.compute.onOverdue((method) => {
        if (method === 'hallucination' || method === 'hallucinationSet') this.run.overdue();
      }),
    );
    this.own(
      this.run.onEvent(({ kind }) => {
        if (kind === 'started' || kind === 'result' || kind === 'set' || kind === 'failed') {
          void vscode.commands.executeCommand('setContext', contextKeys.hallucinationRunning, this.run.running);
        }
      }),
    );
  }

  get #demo(): Known {
    if (this.#known === undefined) {
      const demo = demoOf(this.#root);
      const there = (folder: string): boolean => existsSync(join(folder, 'config.json'));
      const text = join(this.#root, 'examples', 'models', 'demo-lm');
      this.#known = {
        demo,
        choice: demoVisionChoice(demo.folder, there(demo.folder)),
        text: there(text) ? [demoChoice(text, true)] : [],
      };
    }
    return this.#known;
  }

  /** The plan as it was left in this workspace, or the demo. */
  get plan(): HallucinationPlan {
    return storedPlan(this.#parts.memory.get(planKey), this.#root) ?? demoPlan(this.#demo.demo);
  }

  /** Connects a webview; its host lives as long as the webview does. */
  async attach(
    webview: vscode.Webview,
    place: HallucinationPlace,
    start: HallucinationToShow & Pick<HallucinationStart, 'file'> = {},
  ): Promise<HallucinationHost> {
    const known = start.file !== undefined || this.run.plan !== undefined;
    const shown = known ? undefined : await this.#parts.recent.latest().catch(() => undefined);
    const whole: HallucinationStart = { ...start, ...(shown === undefined ? {} : { shown }) };
    return this.#hosts.attach(webview, place, (send) => new HallucinationHost(place, this.#world(), send, whole));
  }

  release(host: HallucinationHost): void {
    this.#hosts.release(host);
  }

  /** The full panel, made or brought to the front. */
  async open({ plan, select }: HallucinationToShow = {}): Promise<HallucinationHost> {
    if (plan !== undefined) this.#keep(plan);
    const open = this.#hosts.reveal();
    if (open !== undefined) {
      if (plan !== undefined || select !== undefined) await open.show(plan, select);
      return open;
    }
    const panel = vscode.window.createWebviewPanel(hallucinationPanel, 'Hallucination', vscode.ViewColumn.Active);
    return this.restore(panel, {
      ...(plan === undefined ? {} : { plan }),
      ...(select === undefined ? {} : { select }),
    });
  }

  /** Fills a panel that is new, or that VS Code brought back after a reload. */
  restore(panel: vscode.WebviewPanel, start: HallucinationToShow = {}): Promise<HallucinationHost> {
    return this.#hosts.fill(panel, (webview) => this.attach(webview, 'full', start));
  }

  #keep(plan: HallucinationPlan): void {
    void this.#parts.memory.update(planKey, planToStore(plan, this.#root));
  }

  #world(): HallucinationWorld {
    const { compute, models, library, recent, log } = this.#parts;
    const { choice, text } = this.#demo;
    return {
      run: this.run,
      server: compute,
      openModel: (folder) => compute.openModel(folder),
      demo: choice,
      mayRun,
      models: () => models.choices(choice, ...text),
      onModels: (listener) => models.onChange(listener),
      serverIsUp: () => compute.isUp,
      plan: () => this.plan,
      keepPlan: (plan) => this.#keep(plan),
      openFull: (plan, select) => void this.open({ plan, ...(select === undefined ? {} : { select }) }),
      browse: browseModel,
      browseImage,
      browseImages,
      browseLexicon,
      images: readImageFolder,
      besideImage,
      lexicon: readLexicon,
      card: readModelCard,
      openCard,
      pictureOf,
      save: async (saved) => placeOf(await library.saveHallucination(saved)),
      chooseOther: (other) => chooseHallucination(library, recent, other),
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
  }
}

/** A scene in which the demo model names a thing that is not there (a fish beside the boat). */
const demoScene = 'scene-010.png';

/** The demo model with that scene, or the first; empty paths where the packaged extension lacks them. */
function demoOf(root: string): Demo {
  const folder = join(root, 'examples', 'models', 'demo-vlm');
  const scenes = join(root, 'examples', 'scenes');
  try {
    const truth = parseTruth(readFileSync(join(scenes, truthFile), 'utf8'));
    const all = truth.ok ? [...truth.result].filter(([name]) => imageType(name) !== undefined) : [];
    const scene = all.find(([name]) => name === demoScene) ?? all[0];
    if (scene) return { folder, scenes, image: join(scenes, scene[0]), truth: scene[1].objects };
  } catch {
    // Said by the empty form: choose a picture.
  }
  return { folder, scenes: '', image: '', truth: null };
}
