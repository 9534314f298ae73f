/** The editor of a saved result: its panel on the text of the document, read only; the file stays text for git. */
import * as vscode from 'vscode';
import { benchmarkEditor, hallucinationEditor, headsEditor } from '../../protocol/contributions/views';
import type { NamedHallucination } from '../../protocol/panels/hallucination';
import { Owner } from '../platform/owner';
import { parseBenchmark } from '../results/benchmark-file';
import { parseHallucination } from '../results/hallucination-file';
import { parseHeads } from '../results/heads-file';
import { withoutSuffix } from '../results/result-words';
import type { HallucinationPanels } from './hallucination/hallucination-panels';
import type { HallucinationHost } from './hallucination/host';
import type { Heads } from './heads/heads';
import type { HeadsHost } from './heads/host';
import type { NamedHeads } from './heads/world';
import type { KernelsHost, NamedResult } from './kernels/host';
import type { Kernels } from './kernels/kernels';

interface FileHost<Other> {
  refresh(): Promise<void>;
  hide(): void;
  compareWith(other: Other): Promise<void>;
}

interface FileShown {
  /** Without folder and ending. */
  readonly name: string;
  readonly text: () => string;
}

interface FilePanel<Host> {
  readonly viewType: string;
  attach(webview: vscode.Webview, file: FileShown): Promise<Host>;
  release(host: Host): void;
}

export class FileEditor<Other, Host extends FileHost<Other>> extends Owner implements vscode.CustomTextEditorProvider {
  readonly #panel: FilePanel<Host>;
  readonly #open = new Map<string, Set<Host>>();
  /** A comparison that was asked for before its editor was there. */
  readonly #awaited = new Map<string, Other>();

  constructor(panel: FilePanel<Host>) {
    super();
    this.#panel = panel;
    this.own(
      vscode.window.registerCustomEditorProvider(panel.viewType, this, { supportsMultipleEditorsPerDocument: true }),
    );
  }

  async resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): Promise<void> {
    const key = document.uri.toString();
    const host = await this.#panel.attach(panel.webview, {
      name: withoutSuffix(document.uri.path.split('/').at(-1) ?? ''),
      text: () => document.getText(),
    });
    const awaited = this.#awaited.get(key);
    this.#awaited.delete(key);
    if (awaited !== undefined) await host.compareWith(awaited);

    const hosts = this.#open.get(key) ?? new Set();
    this.#open.set(key, hosts.add(host));
    const change = vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document.uri.toString() === key && event.contentChanges.length > 0) void host.refresh();
    });
    panel.onDidChangeViewState(() => {
      if (!panel.visible) host.hide();
    });
    panel.onDidDispose(() => {
      change.dispose();
      hosts.delete(host);
      this.#panel.release(host);
    });
  }

  async compare(uri: vscode.Uri, other: Other): Promise<void> {
    const key = uri.toString();
    const open = [...(this.#open.get(key) ?? [])];
    if (open.length === 0) this.#awaited.set(key, other);
    await vscode.commands.executeCommand('vscode.openWith', uri, this.#panel.viewType);
    for (const host of open) await host.compareWith(other);
  }
}

export type BenchmarkFileEditor = FileEditor<NamedResult, KernelsHost>;
export type HeadsFileEditor = FileEditor<NamedHeads, HeadsHost>;

export const benchmarkFileEditor = (kernels: Kernels): BenchmarkFileEditor =>
  new FileEditor<NamedResult, KernelsHost>({
    viewType: benchmarkEditor,
    attach: (webview, { name, text }) => {
      const read = () => {
        const parsed = parseBenchmark(text());
        return parsed.ok ? { result: parsed.result } : { why: parsed.why };
      };
      return kernels.attach(webview, 'file', { file: { name, read } });
    },
    release: (host) => kernels.release(host),
  });

export const headsFileEditor = (heads: Heads): HeadsFileEditor =>
  new FileEditor<NamedHeads, HeadsHost>({
    viewType: headsEditor,
    attach: (webview, { name, text }) =>
      heads.attach(webview, 'file', { file: { name, read: () => parseHeads(text()) } }),
    release: (host) => heads.release(host),
  });

export type HallucinationFileEditor = FileEditor<NamedHallucination, HallucinationHost>;

export const hallucinationFileEditor = (panels: HallucinationPanels): HallucinationFileEditor =>
  new FileEditor<NamedHallucination, HallucinationHost>({
    viewType: hallucinationEditor,
    attach: (webview, { name, text }) =>
      panels.attach(webview, 'file', { file: { name, read: () => parseHallucination(text()) } }),
    release: (host) => panels.release(host),
  });
