/**
 * The webviews of one panel in this window: one full panel, one side view, an editor per saved file, all around one run. What a
 * panel adds to this, its `PanelDescription` says.
 */
import * as vscode from 'vscode';
import type { ComputeMethod } from '../../protocol/compute/api';
import type { History } from '../history/history';
import type { ModelIndex } from '../models/model-index';
import type { Compute } from '../platform/compute';
import { defined } from '../platform/defined';
import { showFailure, type Log } from '../platform/log';
import { Owner } from '../platform/owner';
import { Signal } from '../platform/signal';
import { mayRun } from '../platform/trust';
import type { ResultLibrary } from '../results/result-library';
import { placeOf, saveExport } from './exports';
import { FileEditor } from './file-editor';
import type { FillSide, LivePanel, Work } from './live-view';
import type { PanelHost } from './panel-host';
import type {
  HeadAt,
  Other,
  PanelPlace,
  PanelServices,
  PanelStart,
  PanelTypes,
  Setup,
  Shown,
  ShownFile,
} from './panel-types';
import { WebviewHosts, type Container } from './webview-hosts';

/** What the panels of this window share. */
export interface PanelParts {
  readonly extension: vscode.Uri;
  /** Memory of the workspace. */
  readonly memory: vscode.Memento;
  /** Storage of the workspace; of the extension, where none is open. */
  readonly storage: vscode.Uri;
  readonly history: History;
  readonly compute: Compute;
  readonly models: ModelIndex;
  readonly library: ResultLibrary;
  readonly log: Log;
}

/** A panel of earlier versions that this one has taken the place of. */
interface Earlier<Host> {
  readonly name: string;
  readonly viewType: string;
  /** A window that was closed with one has been restored with this panel. */
  restored?(host: Host): Promise<void>;
}

export interface PanelDescription<T extends PanelTypes, Host> {
  /** Names it in webviews/panels/main.ts, and what is kept of it. */
  readonly name: string;
  /** The kind of its results. */
  readonly result: T['result'];
  /** The view type of the full panel. */
  readonly viewType: string;
  /** Names and view types of what it has taken the place of: what a window kept under them is taken over. */
  readonly earlier?: readonly Earlier<Host>[];
  /** Title of its tab. */
  readonly title: string;
  /** For screen readers. */
  readonly spoken: string;
  /** True while it runs. */
  readonly contextKey: string;
  readonly run: PanelServices<T>['run'];
  /** Calls of the compute server that are its run; another that is overdue concerns the webview that asked. */
  readonly methods: readonly ComputeMethod[];
  firstSetup(): Setup<T>;
  /** A plan as it is kept, and back; undefined where it is not whole. */
  storedSetup(value: unknown): Setup<T> | undefined;
  setupToStore(plan: Setup<T>): unknown;
  readonly chooseOther: (shown: Shown<T> | undefined) => Promise<Other<T> | undefined>;
  /** Where the person is asked for another place than that of all results. */
  readonly save?: (shown: Shown<T>) => Promise<string | undefined>;
  host(place: PanelPlace, services: PanelServices<T>, send: (message: T['to']) => void, start: PanelStart<T>): Host;
}

export interface ToShow<T extends PanelTypes> {
  readonly plan?: Setup<T> | undefined;
  readonly select?: HeadAt | undefined;
}

type LiveHost<T extends PanelTypes> = Pick<
  PanelHost<T, PanelServices<T>>,
  'receive' | 'refresh' | 'hide' | 'dispose' | 'show' | 'compareWith' | 'overdue' | 'result'
>;

const setupKey = (name: string): string => `${name}.plan`;

export class Panels<T extends PanelTypes, Host extends LiveHost<T>> extends Owner implements LivePanel {
  readonly files: FileEditor<T['result'], Host>;
  private readonly parts: PanelParts;
  private readonly of: PanelDescription<T, Host>;
  private readonly hosts: WebviewHosts<T['to'], Host>;
  private readonly work = this.own(new Signal<Work>());
  readonly onWork = this.work.event;

  constructor(parts: PanelParts, description: PanelDescription<T, Host>) {
    super();
    this.parts = parts;
    this.of = description;
    const { name, spoken, viewType, earlier = [], contextKey, run, methods } = description;
    this.hosts = this.own(new WebviewHosts(parts.extension, { panel: name, title: spoken }));
    this.own(run);
    this.own(
      parts.compute.onOverdue((method) => {
        if (methods.includes(method)) run.overdue();
        else for (const host of this.hosts.all) host.overdue(method);
      }),
    );
    let running = false;
    this.own(
      run.onEvent(({ kind }) => {
        if (kind === 'started') this.work.fire({ subject: 'panel', isNew: true });
        if (running === run.running) return;
        running = run.running;
        void vscode.commands.executeCommand('setContext', contextKey, running);
      }),
    );
    this.own(this.hosts.onFocus(() => this.work.fire({ subject: 'panel', isNew: false })));
    // The plan and the last result are kept on this side, not in the webview.
    const types: readonly Earlier<Host>[] = [{ name, viewType }, ...earlier];
    for (const one of types) {
      const deserializeWebviewPanel = async (holder: vscode.WebviewPanel): Promise<void> => {
        const host = await this.attachFull(holder);
        await one.restored?.(host);
      };
      this.own(vscode.window.registerWebviewPanelSerializer(one.viewType, { deserializeWebviewPanel }));
    }
    this.files = this.own(new FileEditor(description.result, this));
  }

  get run(): PanelServices<T>['run'] {
    return this.of.run;
  }

  /** The plan as it was left in this workspace, or the first one. */
  get plan(): Setup<T> {
    const { name, earlier = [] } = this.of;
    const { memory } = this.parts;
    const kept = [name, ...earlier.map((one) => one.name)].map((each) => memory.get(setupKey(each)));
    return this.of.storedSetup(kept.find((one) => one !== undefined)) ?? this.of.firstSetup();
  }

  /** The result in the full panel, or of the last run. */
  get result(): Shown<T> | undefined {
    return this.hosts.full?.result ?? this.run.result;
  }

  attachFile(editor: vscode.WebviewPanel, file: ShownFile<Shown<T>>): Host {
    return this.attach(editor, 'file', { file });
  }

  /** The full panel, made or brought to the front. */
  async open({ plan, select }: ToShow<T> = {}): Promise<Host> {
    if (plan !== undefined) this.keepSetup(plan);
    this.work.fire({ subject: 'panel', isNew: true });
    const open = this.hosts.reveal();
    if (open !== undefined) {
      if (plan !== undefined || select !== undefined) await open.show(plan, select);
      return open;
    }
    const { viewType, title } = this.of;
    const panel = vscode.window.createWebviewPanel(viewType, title, vscode.ViewColumn.Active);
    return this.attachFull(panel, { plan, select });
  }

  /** What webviews are told when they open has changed. */
  refresh(): void {
    for (const host of this.hosts.all) void host.refresh();
  }

  /** A head that is named is opened once the panel is there. */
  private async openFull(plan: Setup<T>, select: HeadAt | undefined): Promise<void> {
    const host = await this.open({ plan });
    if (select !== undefined) await host.show(plan, select);
  }

  /** The full panel in view beside the editor that has the focus; it is made where there is none. */
  async openBeside(): Promise<void> {
    if (this.hosts.full !== undefined) return this.hosts.showBeside();
    const { viewType, title } = this.of;
    const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    await this.attachFull(vscode.window.createWebviewPanel(viewType, title, beside));
  }

  async prepareSide(): Promise<FillSide> {
    const latest = await this.latest();
    return (view) => {
      const host = this.attach(view, 'side', latest);
      return new vscode.Disposable(() => this.hosts.release(host));
    };
  }

  private async attachFull(holder: vscode.WebviewPanel, start: ToShow<T> = {}): Promise<Host> {
    return this.attach(holder, 'full', defined({ ...start, ...(await this.latest()) }));
  }

  /** What a webview that follows the run begins with: the last result of this workspace, unless a run has begun since. */
  private async latest(): Promise<Pick<PanelStart<T>, 'shown' | 'onlyShown'>> {
    if (this.run.plan !== undefined) return {};
    const latest = await this.parts.history.latest<T['result']>(this.of.result).catch(() => undefined);
    return latest === undefined ? {} : defined({ shown: latest.saved, onlyShown: latest.onlyShown });
  }

  private attach(holder: Container, place: PanelPlace, start: PanelStart<T>): Host {
    return this.hosts.attach(holder, place, (send) => this.of.host(place, this.services(), send, start));
  }

  private keepSetup(plan: Setup<T>): void {
    void this.parts.memory.update(setupKey(this.of.name), this.of.setupToStore(plan));
  }

  private services(): PanelServices<T> {
    const { compute, library, log } = this.parts;
    const { result: kind, run, chooseOther, save } = this.of;
    return {
      run,
      mayRun,
      serverIsUp: () => compute.isUp,
      plan: () => this.plan,
      keepSetup: (plan) => this.keepSetup(plan),
      openFull: (plan, select) => void this.openFull(plan, select),
      save: save ?? (async (shown) => placeOf(await library.save(kind, shown))),
      chooseOther,
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
  }
}
