/** The VS Code side of a tree of lines. */
import * as vscode from 'vscode';
import { emptyKey, type views } from '../../protocol/contributions/views';
import { Owner } from '../platform/owner';
import type { TreeLine } from './tree-line';

export interface Node {
  readonly line: TreeLine;
  readonly contextValue?: string;
  readonly resource?: vscode.Uri;
  readonly command?: vscode.Command;
  /** Absent: a leaf. Asked when the node is opened. */
  readonly children?: () => Promise<readonly Node[]>;
  readonly expanded?: boolean;
}

export abstract class LineTree<N extends Node = Node> extends Owner implements vscode.TreeDataProvider<Node> {
  private readonly view: keyof typeof views;
  /** Counts readings of the rows, so that a slow one does not speak for a later one. */
  private readings = 0;
  private readonly changed = this.own(new vscode.EventEmitter<undefined>());
  readonly onDidChangeTreeData = this.changed.event;

  constructor(view: keyof typeof views) {
    super();
    this.view = view;
  }

  protected abstract roots(): Promise<readonly N[]>;

  refresh(): void {
    this.changed.fire(undefined);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    return [...(node === undefined ? await this.read() : ((await node.children?.()) ?? []))];
  }

  /** An empty view says that it is being read, until it is known to be empty (`emptyKey`). */
  private async read(): Promise<readonly N[]> {
    const reading = (this.readings += 1);
    void this.sayEmpty(false);
    const rows = await this.roots();
    if (reading === this.readings) await this.sayEmpty(rows.length === 0);
    return rows;
  }

  private sayEmpty(isEmpty: boolean): Thenable<unknown> {
    return vscode.commands.executeCommand('setContext', emptyKey(this.view), isEmpty);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { line } = node;
    const state = vscode.TreeItemCollapsibleState;
    const closed = node.expanded === true ? state.Expanded : state.Collapsed;
    const item = new vscode.TreeItem(line.label, node.children === undefined ? state.None : closed);
    if (line.id !== undefined) item.id = line.id;
    if (line.description !== undefined) item.description = line.description;
    if (line.tooltip !== undefined) item.tooltip = line.tooltip.join('\n');
    else if (line.description !== undefined) item.tooltip = `${line.label}: ${line.description}`;
    if (line.icon !== undefined) {
      item.iconPath = new vscode.ThemeIcon(
        line.icon,
        line.colour === undefined ? undefined : new vscode.ThemeColor(line.colour),
      );
    }
    if (line.spoken !== undefined) item.accessibilityInformation = { label: line.spoken };
    if (node.contextValue !== undefined) item.contextValue = node.contextValue;
    if (node.command !== undefined) item.command = node.command;
    return item;
  }
}

/** A root line that says what went wrong, instead of an empty view. */
export const failureNode = (error: unknown): Node => {
  const sentence = error instanceof Error ? error.message : String(error);
  return {
    line: { label: sentence, tooltip: [sentence], icon: 'error', colour: 'list.errorForeground' },
    command: { command: 'headscope.showLog', title: 'Show Log' },
  };
};

export const noteNode = (sentence: string): Node => ({ line: { label: sentence, tooltip: [sentence], icon: 'info' } });
