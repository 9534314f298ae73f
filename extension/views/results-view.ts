/** The Results tree: saved benchmarks of the workspace and of the extension's storage. */
import * as vscode from 'vscode';
import { benchmarkEditor, items, views } from '../../protocol/contributions/views';
import type { ResultLibrary, SavedResult } from '../results/result-library';
import { mechanismLines, resultDescription, resultDetails } from '../results/result-words';
import type { Node } from './tree';
import { LineTree, failureNode } from './tree';

export interface ResultNode extends Node {
  readonly resource: vscode.Uri;
}

const icons = { done: 'graph-line', cancelled: 'debug-pause', failed: 'error' } as const;

export class ResultsView extends LineTree {
  readonly #library: ResultLibrary;

  constructor(library: ResultLibrary) {
    super();
    this.#library = library;
    this.own(library.onChange(() => this.refresh()));
    this.own(vscode.window.createTreeView(views.results, { treeDataProvider: this, canSelectMany: true }));
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      return (await this.#library.list()).map(resultNode);
    } catch (error) {
      return [failureNode(error)];
    }
  }
}

function resultNode({ uri, name, inWorkspace, content }: SavedResult): ResultNode {
  const place = inWorkspace ? vscode.workspace.asRelativePath(uri) : 'in the storage of the extension';
  const shared = {
    contextValue: inWorkspace ? `${items.result}InWorkspace` : items.result,
    resource: uri,
    command: { command: 'vscode.openWith', title: 'Open', arguments: [uri, benchmarkEditor] },
  };
  if (!content.ok) {
    return {
      ...shared,
      line: {
        id: uri.toString(),
        label: name,
        description: content.why,
        icon: 'warning',
        tooltip: [content.why, place],
      },
      command: { command: 'vscode.openWith', title: 'Open as Text', arguments: [uri, 'default'] },
    };
  }
  const { result } = content;
  return {
    ...shared,
    line: {
      id: uri.toString(),
      label: name,
      description: resultDescription(result),
      tooltip: [...resultDetails(result), place],
      icon: icons[result.state],
    },
    children: () =>
      Promise.resolve(
        mechanismLines(result).map(({ mechanism, text, failed }) => ({
          line: {
            label: mechanism,
            description: text,
            icon: failed ? 'error' : 'dash',
            ...(failed ? { colour: 'list.errorForeground' } : {}),
          },
        })),
      ),
  };
}
