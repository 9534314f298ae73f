/**
 * The .onnx and .gguf files in tabs. VS Code makes no text document of them. The language server is sent the graphs, and what
 * is wrong with them stands in the Problems panel while a tab shows them.
 */
import * as vscode from 'vscode';
import type { Language } from './language';
import { Owner } from './owner';

const fileOf = ({ input }: vscode.Tab, ending: string): vscode.Uri | undefined => {
  const uri = input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? input.uri : undefined;
  return uri?.path.toLowerCase().endsWith(ending) === true ? uri : undefined;
};

const graphOf = (tab: vscode.Tab): vscode.Uri | undefined => fileOf(tab, '.onnx');

/** The config of a graph's model: beside it, or above the folder `onnx` of exporters. */
const configOf = (graph: vscode.Uri): vscode.Uri => {
  const isBelow = graph.path.split('/').at(-2) === 'onnx';
  return vscode.Uri.joinPath(graph, isBelow ? '../..' : '..', 'config.json');
};

export class GraphTabs extends Owner {
  private readonly language: Language;
  private readonly follow: (config: vscode.Uri) => void;
  private sent = '';

  constructor(language: Language, follow: (config: vscode.Uri) => void) {
    super();
    this.language = language;
    this.follow = follow;
    this.own(vscode.window.tabGroups.onDidChangeTabs(() => this.look()));
    this.own(vscode.window.tabGroups.onDidChangeTabGroups(() => this.look()));
    this.own(
      language.onRestart(() => {
        this.sent = '';
        this.look();
      }),
    );
    this.look();
  }

  /** Its config, or the graph itself where there is none. */
  private async followGraph(graph: vscode.Uri): Promise<void> {
    const config = configOf(graph);
    const there = await vscode.workspace.fs.stat(config).then(
      () => true,
      () => false,
    );
    if (!this.disposed) this.follow(there ? config : graph);
  }

  private look(): void {
    const active = vscode.window.tabGroups.activeTabGroup.activeTab;
    const graph = active === undefined ? undefined : graphOf(active);
    if (graph !== undefined) void this.followGraph(graph);
    const gguf = active === undefined ? undefined : fileOf(active, '.gguf');
    if (gguf !== undefined) this.follow(gguf);
    const tabs = vscode.window.tabGroups.all.flatMap(({ tabs: all }) => all);
    const uris = [...new Set(tabs.flatMap((tab) => graphOf(tab)?.toString() ?? []))];
    const sent = uris.join('\n');
    if (sent === this.sent) return;
    this.sent = sent;
    // The language server's own log has the reason when it does not start.
    this.language.showGraphs(uris).catch(() => undefined);
  }
}
