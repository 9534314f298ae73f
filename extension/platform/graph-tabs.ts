/**
 * The .onnx files in tabs. VS Code makes no text document of them, so the language server is sent them, and what is wrong with
 * them stands in the Problems panel while a tab shows them.
 */
import * as vscode from 'vscode';
import type { Language } from './language';
import { Owner } from './owner';

const graphOf = (tab: vscode.Tab): vscode.Uri | undefined => {
  const { input } = tab;
  const uri = input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? input.uri : undefined;
  return uri?.path.toLowerCase().endsWith('.onnx') === true ? uri : undefined;
};

/** The config of a graph's model: beside it, or above the folder `onnx` of exporters. */
const configOf = (graph: vscode.Uri): vscode.Uri => {
  const isBelow = graph.path.split('/').at(-2) === 'onnx';
  return vscode.Uri.joinPath(graph, isBelow ? '../..' : '..', 'config.json');
};

export class GraphTabs extends Owner {
  readonly #language: Language;
  readonly #follow: (config: vscode.Uri) => void;
  #sent = '';

  constructor(language: Language, follow: (config: vscode.Uri) => void) {
    super();
    this.#language = language;
    this.#follow = follow;
    this.own(vscode.window.tabGroups.onDidChangeTabs(() => this.#look()));
    this.own(vscode.window.tabGroups.onDidChangeTabGroups(() => this.#look()));
    this.own(
      language.onRestart(() => {
        this.#sent = '';
        this.#look();
      }),
    );
    this.#look();
  }

  #look(): void {
    const active = vscode.window.tabGroups.activeTabGroup.activeTab;
    const graph = active === undefined ? undefined : graphOf(active);
    if (graph !== undefined) this.#follow(configOf(graph));
    const tabs = vscode.window.tabGroups.all.flatMap(({ tabs: all }) => all);
    const uris = [...new Set(tabs.flatMap((tab) => graphOf(tab)?.toString() ?? []))];
    const sent = uris.join('\n');
    if (sent === this.#sent) return;
    this.#sent = sent;
    // The language server's own log has the reason when it does not start.
    this.#language.showGraphs(uris).catch(() => undefined);
  }
}
