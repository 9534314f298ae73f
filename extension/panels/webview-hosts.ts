/** The webviews of one panel in this window and the host of each: at most one full panel, side views, editors of files. */
import * as vscode from 'vscode';
import { Owner } from '../platform/owner';
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
  /** Its bundle in dist/webviews. */
  readonly panel: string;
  /** For screen readers. */
  readonly title: string;
}

/** What holds a webview: an editor, or a view of the side bar. */
export type Container = vscode.WebviewPanel | vscode.WebviewView;

export class WebviewHosts<To, Host extends WebviewHost> extends Owner {
  readonly #extension: vscode.Uri;
  readonly #page: PanelPage;
  readonly #hosts = new Set<Host>();
  #full: { readonly panel: vscode.WebviewPanel; readonly host: Host } | undefined;

  constructor(extension: vscode.Uri, page: PanelPage) {
    super();
    this.#extension = extension;
    this.#page = page;
    this.own(
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        for (const host of this.#hosts) void host.refresh();
      }),
    );
  }

  get all(): ReadonlySet<Host> {
    return this.#hosts;
  }

  get full(): Host | undefined {
    return this.#full?.host;
  }

  /** Connects a webview to the host that `make` gives, which lives as long as what holds it. */
  attach(holder: Container, place: string, make: (send: (message: To) => void) => Host): Host {
    const { webview } = holder;
    const host = make((message) => void webview.postMessage(message));
    webview.onDidReceiveMessage((message: unknown) => host.receive(message));
    dressWebview(webview, this.#extension, { ...this.#page, place });
    this.#hosts.add(host);
    const hide = (): void => {
      if (!holder.visible) host.hide();
    };
    if (isPanel(holder)) {
      holder.onDidChangeViewState(hide);
      if (place === 'full') this.#setFull(holder, host);
    } else {
      holder.onDidChangeVisibility(hide);
    }
    holder.onDidDispose(() => {
      if (this.#full?.host === host) this.#full = undefined;
      this.#release(host);
    });
    return host;
  }

  /** Brings the full panel to the front, if there is one. */
  reveal(): Host | undefined {
    this.#full?.panel.reveal();
    return this.#full?.host;
  }

  override dispose(): void {
    for (const host of [...this.#hosts]) this.#release(host);
    super.dispose();
  }

  #setFull(panel: vscode.WebviewPanel, host: Host): void {
    panel.iconPath = vscode.Uri.joinPath(this.#extension, 'extension', 'media', 'panel.svg');
    this.#full = { panel, host };
  }

  #release(host: Host): void {
    this.#hosts.delete(host);
    host.dispose();
  }
}

const isPanel = (holder: Container): holder is vscode.WebviewPanel => 'onDidChangeViewState' in holder;
