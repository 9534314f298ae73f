/** The one webview of the side bar: the compact form of the panel that the person works on, or that was chosen by hand. */
import * as vscode from 'vscode';
import { contextKeys, livePanels, views, type LivePanelName } from '../../protocol/contributions/views';
import { fieldsIn } from '../../protocol/schema/fields';
import { Owner } from '../platform/owner';

/** Something that a person did in a panel, or with what it shows. */
export interface Work {
  /** What it was done with. */
  readonly subject: string;
  /** Counts even after a choice by hand and on the same subject as before; else looking at it again is not new. */
  readonly isNew: boolean;
}

/** Connects the view to a panel; disposed when another one takes its place. */
export type FillSide = (view: vscode.WebviewView) => vscode.Disposable;

/** A panel that the view can show. */
export interface LivePanel {
  readonly onWork: (listener: (work: Work) => void) => vscode.Disposable;
  /** Reads what the panel starts with. */
  prepareSide(): Promise<FillSide>;
}

/** The key under which the workspace remembers the view. */
const memoryKey = 'live';

/** What the view showed of heads in builds before there was a workbench. */
const earlierHeads = 'heads';

const isName = (value: unknown): value is LivePanelName =>
  typeof value === 'string' && Object.hasOwn(livePanels, value);

export class LiveView extends Owner {
  private readonly panels: Readonly<Record<LivePanelName, LivePanel>>;
  private readonly memory: vscode.Memento;
  private panel: LivePanelName;
  /** Kept too: a reload looks again at what was in front, and that does not undo a choice by hand. */
  private lastWork: string;
  private view: vscode.WebviewView | undefined;
  private filled: vscode.Disposable | undefined;
  /** Counts fillings, so that a slow one does not replace a later one. */
  private filling = 0;

  constructor(panels: Readonly<Record<LivePanelName, LivePanel>>, memory: vscode.Memento) {
    super();
    this.panels = panels;
    this.memory = memory;
    const { shown, lastWork } = fieldsIn(memory.get(memoryKey));
    this.panel = isName(shown) ? shown : shown === earlierHeads ? 'workbench' : 'model';
    this.lastWork = typeof lastWork === 'string' ? lastWork : '';
    this.setContext();
    for (const name of Object.keys(panels) as LivePanelName[])
      this.own(panels[name].onWork((work) => this.onWork(name, work)));
    const resolveWebviewView = (view: vscode.WebviewView): Promise<void> => this.resolve(view);
    this.own(vscode.window.registerWebviewViewProvider(views.live, { resolveWebviewView }));
  }

  get shown(): LivePanelName {
    return this.panel;
  }

  /** Chosen by hand: stays until the person works on something else. */
  async choose(name: LivePanelName): Promise<void> {
    this.show(name);
    await vscode.commands.executeCommand(`${views.live}.focus`);
  }

  override dispose(): void {
    this.filled?.dispose();
    super.dispose();
  }

  private onWork(name: LivePanelName, { subject, isNew }: Work): void {
    const work = `${name} ${subject}`;
    if (!isNew && work === this.lastWork) return;
    this.lastWork = work;
    this.show(name);
  }

  private show(name: LivePanelName): void {
    const isOther = name !== this.panel;
    this.panel = name;
    void this.memory.update(memoryKey, { shown: name, lastWork: this.lastWork });
    if (!isOther) return;
    this.setContext();
    void this.fill();
  }

  private setContext(): void {
    void vscode.commands.executeCommand('setContext', contextKeys.livePanel, this.panel);
  }

  private async resolve(view: vscode.WebviewView): Promise<void> {
    this.view = view;
    view.onDidDispose(() => {
      if (this.view !== view) return;
      this.filled?.dispose();
      this.view = this.filled = undefined;
    });
    await this.fill();
  }

  private async fill(): Promise<void> {
    const filling = (this.filling += 1);
    const name = this.panel;
    const fill = await this.panels[name].prepareSide();
    if (this.view === undefined || filling !== this.filling || this.disposed) return;
    this.filled?.dispose();
    this.view.description = livePanels[name];
    this.filled = fill(this.view);
  }
}
