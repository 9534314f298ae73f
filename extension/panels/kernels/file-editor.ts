/** The editor of a saved benchmark: the kernels panel on the text of the document, read only; the file stays text for git. */
import * as vscode from 'vscode';
import { benchmarkEditor } from '../../../protocol/contributions/views';
import { Owner } from '../../platform/owner';
import { parseBenchmark } from '../../results/benchmark-file';
import { withoutSuffix } from '../../results/result-words';
import type { KernelsHost, NamedResult } from './host';
import type { Kernels } from './kernels';

export class BenchmarkFileEditor extends Owner implements vscode.CustomTextEditorProvider {
  readonly #kernels: Kernels;
  readonly #open = new Map<string, Set<KernelsHost>>();
  /** A comparison that was asked for before its editor was there. */
  readonly #awaited = new Map<string, NamedResult>();

  constructor(kernels: Kernels) {
    super();
    this.#kernels = kernels;
    this.own(
      vscode.window.registerCustomEditorProvider(benchmarkEditor, this, { supportsMultipleEditorsPerDocument: true }),
    );
  }

  async resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): Promise<void> {
    const key = document.uri.toString();
    const host = await this.#kernels.attach(panel.webview, 'file', {
      file: {
        name: withoutSuffix(document.uri.path.split('/').at(-1) ?? ''),
        read: () => {
          const parsed = parseBenchmark(document.getText());
          return parsed.ok ? { result: parsed.result } : { why: parsed.why };
        },
      },
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
      this.#kernels.release(host);
    });
  }

  async compare(uri: vscode.Uri, other: NamedResult): Promise<void> {
    const key = uri.toString();
    const open = [...(this.#open.get(key) ?? [])];
    if (open.length === 0) this.#awaited.set(key, other);
    await vscode.commands.executeCommand('vscode.openWith', uri, benchmarkEditor);
    for (const host of open) await host.compareWith(other);
  }
}
