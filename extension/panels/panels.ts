/**
 * The webviews of one panel in this window: one full panel, one side view, an editor per saved file, all around one run. What a
 * panel adds to this, its `PanelDescription` says.
 */
import * as vscode from 'vscode';
import type { ComputeMethod } from '../../protocol/compute/api';
import type { ModelIndex } from '../models/model-index';
import type { Compute } from '../platform/compute';
import { defined } from '../platform/defined';
import { showFailure, type Log } from '../platform/log';
import { Owner } from '../platform/owner';
import { mayRun } from '../platform/trust';
import type { ResultLibrary } from '../results/result-library';
import { placeOf, saveExport } from './exports';
import { FileEditor } from './file-editor';
import type { PanelHost } from './panel-host';
import type {
  HeadAt,
  Other,
  PanelPlace,
  PanelServices,
  PanelStart,
  PanelTypes,
  Plan,
  Shown,
  ShownFile,
} from './panel-types';
import { WebviewHosts, type Container } from './webview-hosts';

/** What the panels of this window share. */
export interface PanelParts {
  readonly extension: vscode.Uri;
  /** Of the workspace. */
  readonly memory: vscode.Memento;
  /** Folder of what is kept between windows: of the workspace, or of the extension where none is open. */
  readonly storage: vscode.Uri;
  readonly compute: Compute;
  readonly models: ModelIndex;
  readonly library: ResultLibrary;
  readonly log: Log;
}

export interface PanelDescription<T extends PanelTypes, Host> {
  /** Of its bundle in dist/webviews, and of what is kept of it. */
  readonly name: string;
  /** The kind of its results. */
  readonly result: T['result'];
  /** The id of the side view. */
  readonly view: string;
  /** The view type of the full panel. */
  readonly viewType: string;
  /** Of its tab. */
  readonly title: string;
  /** For screen readers. */
  readonly spoken: string;
  /** True while it runs. */
  readonly contextKey: string;
  readonly run: PanelServices<T>['run'];
  /** Calls of the compute server that are its run; another that is overdue concerns the webview that asked. */
  readonly methods: readonly ComputeMethod[];
  firstPlan(): Plan<T>;
  /** A plan as it is kept, and back; undefined where it is not whole. */
  storedPlan(value: unknown): Plan<T> | undefined;
  planToStore(plan: Plan<T>): unknown;
  /** The last result of this workspace. */
  latest(): Promise<Shown<T> | undefined>;
  readonly chooseOther: (shown: Shown<T> | undefined) => Promise<Other<T> | undefined>;
  /** Where the person is asked for another place than that of all results. */
  readonly save?: (shown: Shown<T>) => Promise<string | undefined>;
  host(place: PanelPlace, services: PanelServices<T>, send: (message: T['to']) => void, start: PanelStart<T>): Host;
}

export interface ToShow<T extends PanelTypes> {
  readonly plan?: Plan<T> | undefined;
  readonly select?: HeadAt | undefined;
}

type LiveHost<T extends PanelTypes> = Pick<
  PanelHost<T, PanelServices<T>>,
  'receive' | 'refresh' | 'hide' | 'dispose' | 'show' | 'compareWith' | 'overdue' | 'result'
>;

export class Panels<T extends PanelTypes, Host extends LiveHost<T>> extends Owner {
  readonly files: FileEditor<T['result'], Host>;
  readonly #parts: PanelParts;
  readonly #of: PanelDescription<T, Host>;
  readonly #hosts: WebviewHosts<T['to'], Host>;

  constructor(parts: PanelParts, description: PanelDescription<T, Host>) {
    super();
    this.#parts = parts;
    this.#of = description;
    const { name, spoken, view, viewType, contextKey, run, methods } = description;
    this.#hosts = this.own(new WebviewHosts(parts.extension, { panel: name, title: spoken }));
    this.own(run);
    this.own(
      parts.compute.onOverdue((method) => {
        if (methods.includes(method)) run.overdue();
        else for (const host of this.#hosts.all) host.overdue(method);
      }),
    );
    let running = false;
    this.own(
      run.onEvent(() => {
        if (running === run.running) return;
        running = run.running;
        void vscode.commands.executeCommand('setContext', contextKey, running);
      }),
    );
    const resolveWebviewView = async (holder: vscode.WebviewView): Promise<void> =>
      void (await this.#attachLive(holder, 'side'));
    this.own(vscode.window.registerWebviewViewProvider(view, { resolveWebviewView }));
    // The plan and the last result are kept on this side, not in the webview.
    const deserializeWebviewPanel = async (holder: vscode.WebviewPanel): Promise<void> =>
      void (await this.#attachLive(holder, 'full'));
    this.own(vscode.window.registerWebviewPanelSerializer(viewType, { deserializeWebviewPanel }));
    this.files = this.own(new FileEditor(description.result, this));
  }

  get run(): PanelServices<T>['run'] {
    return this.#of.run;
  }

  /** The plan as it was left in this workspace, or the first one. */
  get plan(): Plan<T> {
    return this.#of.storedPlan(this.#parts.memory.get(this.#planKey)) ?? this.#of.firstPlan();
  }

  /** The result in the full panel, or of the last run. */
  get result(): Shown<T> | undefined {
    return this.#hosts.full?.result ?? this.run.result;
  }

  attachFile(editor: vscode.WebviewPanel, file: ShownFile<Shown<T>>): Host {
    return this.#attach(editor, 'file', { file });
  }

  /** The full panel, made or brought to the front. */
  async open({ plan, select }: ToShow<T> = {}): Promise<Host> {
    if (plan !== undefined) this.#keepPlan(plan);
    const open = this.#hosts.reveal();
    if (open !== undefined) {
      if (plan !== undefined || select !== undefined) await open.show(plan, select);
      return open;
    }
    const { viewType, title } = this.#of;
    const panel = vscode.window.createWebviewPanel(viewType, title, vscode.ViewColumn.Active);
    return this.#attachLive(panel, 'full', { plan, select });
  }

  /** A webview that follows the run begins with the last result of this workspace. */
  async #attachLive(holder: Container, place: PanelPlace, start: ToShow<T> = {}): Promise<Host> {
    const shown = this.run.plan === undefined ? await this.#of.latest().catch(() => undefined) : undefined;
    return this.#attach(holder, place, defined({ ...start, shown }));
  }

  #attach(holder: Container, place: PanelPlace, start: PanelStart<T>): Host {
    return this.#hosts.attach(holder, place, (send) => this.#of.host(place, this.#services(), send, start));
  }

  get #planKey(): string {
    return `${this.#of.name}.plan`;
  }

  #keepPlan(plan: Plan<T>): void {
    void this.#parts.memory.update(this.#planKey, this.#of.planToStore(plan));
  }

  #services(): PanelServices<T> {
    const { compute, library, log } = this.#parts;
    const { result: kind, run, chooseOther, save } = this.#of;
    return {
      run,
      mayRun,
      serverIsUp: () => compute.isUp,
      plan: () => this.plan,
      keepPlan: (plan) => this.#keepPlan(plan),
      openFull: (plan, select) => void this.open({ plan, select }),
      save: save ?? (async (shown) => placeOf(await library.save(kind, shown))),
      chooseOther,
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
  }
}
