/** The Results tree: saved results of the workspace and of the extension's storage. */
import * as vscode from 'vscode';
import { views } from '../../protocol/contributions/views';
import type { KernelCatalogue } from '../platform/kernel-catalogue';
import { resultKinds, type Titles } from '../results/result-kinds';
import type { ResultLibrary, SavedResult } from '../results/result-library';
import { listedName } from '../results/result-words';
import type { Node } from './tree';
import { LineTree, failureNode } from './tree';

interface ResultNode extends Node {
  readonly resource: vscode.Uri;
}

export class ResultsView extends LineTree {
  private readonly library: ResultLibrary;
  private readonly titles: Titles;

  /** `catalogue`: the mechanisms, by whose titles the rows of a benchmark are called. */
  constructor(library: ResultLibrary, catalogue: Pick<KernelCatalogue, 'mechanisms'>) {
    super('results');
    this.library = library;
    this.titles = () => new Map(catalogue.mechanisms.map(({ id, title }) => [id, title]));
    this.own(library.onChange(() => this.refresh()));
    this.own(vscode.window.createTreeView(views.results, { treeDataProvider: this, canSelectMany: true }));
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      return (await this.library.list()).map((saved) => resultNode(saved, this.titles));
    } catch (error) {
      return [failureNode(error)];
    }
  }
}

function resultNode(saved: SavedResult, titles: Titles): ResultNode {
  const { uri, name, kind, inWorkspace, content, listing } = saved;
  const { item, viewType } = resultKinds[kind];
  const place = inWorkspace ? vscode.workspace.asRelativePath(uri) : 'in the storage of the extension';
  const common = { contextValue: inWorkspace ? `${item}InWorkspace` : item, resource: uri };
  const open = (title: string, editor: string) => ({ command: 'vscode.openWith', title, arguments: [uri, editor] });
  if (listing === undefined) {
    const why = content.ok ? '' : content.why;
    return {
      ...common,
      line: { id: uri.toString(), label: name, description: why, icon: 'warning', tooltip: [why, place] },
      command: open('Open as Text', 'default'),
    };
  }
  const { created, description, details, icon, lines } = listing;
  return {
    ...common,
    line: {
      id: uri.toString(),
      label: listedName(created, name),
      description,
      tooltip: [...details, place],
      icon,
    },
    command: open('Open', viewType),
    children: () =>
      Promise.resolve(
        lines(titles).map(({ label, text, failed }) => ({
          line: {
            label,
            description: text,
            icon: failed === true ? 'error' : 'dash',
            ...(failed === true ? { colour: 'list.errorForeground' } : {}),
          },
        })),
      ),
  };
}
