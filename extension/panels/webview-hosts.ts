/** The webviews of one panel in this window and the host of each: at most one full panel, the side view, editors of files. */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { Owner } from '../platform/owner';
import { Signal } from '../platform/signal';
import { messagesOf } from './page-messages';
import { dressWebview } from './webview';

/** What answers one webview. */
export interface WebviewHost {
  receive(message: unknown): unknown;
  refresh(): unknown;
  /** The webview is hidden: VS Code destroys it and makes it anew when it is shown. */
  hide(): void;
  dispose(): void;
}

export interface PanelPage {
  /** Which panel the script draws (webviews/panels/main.ts). */
  readonly panel: string;
  /** For screen readers. */
  readonly title: string;
}

/** What holds a webview: an editor, or a view of the side bar. */
export type Container = vscode.WebviewPanel | vscode.WebviewView;

export class WebviewHosts<To, Host extends WebviewHost> extends Owner {
  private readonly extension: vscode.Uri;
  private readonly page: PanelPage;
  /** Each host with what connects it to its webview. */
  private readonly hosts = new Map<Host, vscode.Disposable>();
  private readonly focused = this.own(new Signal<Host>());
  private fullPanel: { readonly panel: vscode.WebviewPanel; readonly host: Host } | undefined;

  /** The full panel became the active editor. */
  readonly onFocus = this.focused.event;

  constructor(extension: vscode.Uri, page: PanelPage) {
    super();
    this.extension = extension;
    this.page = page;
    this.own(
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        for (const host of this.all) void host.refresh();
      }),
    );
  }

  get all(): readonly Host[] {
    return [...this.hosts.keys()];
  }

  get full(): Host | undefined {
    return this.fullPanel?.host;
  }

  /**
   * Connects a webview to the host that `make` gives. It lives as long as what holds the webview, or until `release`: the view of
   * the side bar shows one panel after the other.
   */
  attach(holder: Container, place: string, make: (send: (message: To) => void) => Host): Host {
    const { webview } = holder;
    let connected = true;
    const host = make((message) => {
      if (connected) void webview.postMessage(message);
    });
    const name = randomUUID();
    const own = messagesOf(name);
    const receive = (message: unknown): unknown => {
      const heard = own(message);
      return heard === undefined ? undefined : host.receive(heard);
    };
    const onVisibility = (): void => {
      if (!holder.visible) host.hide();
    };
    const listeners = isPanel(holder)
      ? [
          holder.onDidChangeViewState(() => {
            onVisibility();
            if (holder.active && this.full === host) this.focused.fire(host);
          }),
        ]
      : [holder.onDidChangeVisibility(onVisibility)];
    const connection = vscode.Disposable.from(
      { dispose: () => (connected = false) },
      webview.onDidReceiveMessage(receive),
      holder.onDidDispose(() => this.release(host)),
      ...listeners,
    );
    this.hosts.set(host, connection);
    if (isPanel(holder) && place === 'full') this.setFull(holder, host);
    dressWebview(webview, this.extension, { ...this.page, place, name });
    return host;
  }

  /** The host of a webview that is closed or that shows something else from now on. */
  release(host: Host): void {
    this.hosts.get(host)?.dispose();
    this.hosts.delete(host);
    if (this.full === host) this.fullPanel = undefined;
    host.dispose();
  }

  /** Brings the full panel to the front, if there is one. */
  reveal(): Host | undefined {
    this.fullPanel?.panel.reveal();
    return this.fullPanel?.host;
  }

  /** Brings the full panel into view and leaves the focus where it is; beside the editor in front where it would cover that one. */
  showBeside(): void {
    const panel = this.fullPanel?.panel;
    if (panel === undefined || panel.visible) return;
    const covers = panel.viewColumn === vscode.window.tabGroups.activeTabGroup.viewColumn;
    panel.reveal(covers ? vscode.ViewColumn.Beside : panel.viewColumn, true);
  }

  override dispose(): void {
    for (const host of this.all) this.release(host);
    super.dispose();
  }

  private setFull(panel: vscode.WebviewPanel, host: Host): void {
    panel.iconPath = vscode.Uri.joinPath(this.extension, 'extension', 'media', 'panel.svg');
    this.fullPanel = { panel, host };
  }
}

const isPanel = (holder: Container): holder is vscode.WebviewPanel => 'onDidChangeViewState' in holder;
