/** The webviews of one panel in this window and the host of each: at most one full panel, side views, editors of files. */
import * as vscode from 'vscode';
import { Owner } from '../platform/owner';
import { dressWebview } from './webview';

/** What answers one webview. */
export interface PanelHost {
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

export class PanelHosts<To, Host extends PanelHost> extends Owner {
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

  /** Connects a webview to the host that `make` gives; the host lives until it is released. */
  attach(webview: vscode.Webview, place: string, make: (send: (message: To) => void) => Host): Host {
    const host = make((message) => void webview.postMessage(message));
    webview.onDidReceiveMessage((message: unknown) => host.receive(message));
    dressWebview(webview, this.#extension, { ...this.#page, place });
    this.#hosts.add(host);
    return host;
  }

  release(host: Host): void {
    this.#hosts.delete(host);
    host.dispose();
  }

  /** Brings the full panel to the front, if there is one. */
  reveal(): Host | undefined {
    this.#full?.panel.reveal();
    return this.#full?.host;
  }

  /** Fills a panel that is new, or that VS Code brought back after a reload, with the host that `attach` gives. */
  async fill(panel: vscode.WebviewPanel, attach: (webview: vscode.Webview) => Host | Promise<Host>): Promise<Host> {
    panel.iconPath = vscode.Uri.joinPath(this.#extension, 'extension', 'media', 'panel.svg');
    const host = await attach(panel.webview);
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
}
