/** The Results tree: saved results of the workspace and of the extension's storage. */
import * as vscode from 'vscode';
import type { MechanismInfo } from '../../protocol/compute/api';
import { benchmarkEditor, hallucinationEditor, headsEditor, items, views } from '../../protocol/contributions/views';
import { hallucinationDescription, hallucinationDetails, hallucinationLines } from '../results/hallucination-words';
import { headsDescription, headsDetails, labelLines } from '../results/heads-words';
import type {
  ResultLibrary,
  SavedBenchmarkFile,
  SavedHallucinationFile,
  SavedHeadsFile,
  SavedResult,
} from '../results/result-library';
import { listedName, mechanismLines, resultDescription, resultDetails } from '../results/result-words';
import { unreachable } from '../../protocol/unreachable';
import type { Node } from './tree';
import { LineTree, failureNode } from './tree';

export interface ResultNode extends Node {
  readonly resource: vscode.Uri;
}

type Titles = () => Promise<ReadonlyMap<string, string>>;

const icons = { done: 'graph-line', cancelled: 'circle-slash', failed: 'error' } as const;

export class ResultsView extends LineTree {
  readonly #library: ResultLibrary;
  readonly #titles: Titles;

  /** `catalogue`: the mechanisms, by whose titles the rows of a benchmark are called. */
  constructor(library: ResultLibrary, catalogue: () => Promise<readonly MechanismInfo[]>) {
    super();
    this.#library = library;
    this.#titles = () =>
      catalogue().then(
        (mechanisms) => new Map(mechanisms.map(({ id, title }) => [id, title])),
        // A saved result can be read where no compute process runs.
        () => new Map(),
      );
    this.own(library.onChange(() => this.refresh()));
    this.own(vscode.window.createTreeView(views.results, { treeDataProvider: this, canSelectMany: true }));
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      return (await this.#library.list()).map((saved) => resultNode(saved, this.#titles));
    } catch (error) {
      return [failureNode(error)];
    }
  }
}

function resultNode(saved: SavedResult, titles: Titles): ResultNode {
  switch (saved.kind) {
    case 'heads':
      return headsNode(saved);
    case 'hallucination':
      return hallucinationNode(saved);
    case 'benchmark':
      return benchmarkNode(saved, titles);
    default:
      return unreachable(saved);
  }
}

const placeWords = ({ uri, inWorkspace }: SavedResult): string =>
  inWorkspace ? vscode.workspace.asRelativePath(uri) : 'in the storage of the extension';

function unreadableNode(saved: SavedResult, why: string, contextValue: string): ResultNode {
  const { uri, name } = saved;
  return {
    line: {
      id: uri.toString(),
      label: name,
      description: why,
      icon: 'warning',
      tooltip: [why, placeWords(saved)],
    },
    contextValue,
    resource: uri,
    command: { command: 'vscode.openWith', title: 'Open as Text', arguments: [uri, 'default'] },
  };
}

function benchmarkNode(saved: SavedBenchmarkFile, titles: Titles): ResultNode {
  const { uri, name, inWorkspace, content } = saved;
  const contextValue = inWorkspace ? `${items.result}InWorkspace` : items.result;
  if (!content.ok) return unreadableNode(saved, content.why, contextValue);
  const { result } = content;
  return {
    line: {
      id: uri.toString(),
      label: listedName(result.created, name),
      description: resultDescription(result),
      tooltip: [...resultDetails(result), placeWords(saved)],
      icon: icons[result.state],
    },
    contextValue,
    resource: uri,
    command: { command: 'vscode.openWith', title: 'Open', arguments: [uri, benchmarkEditor] },
    children: async () =>
      mechanismLines(result, await titles()).map(({ mechanism, text, failed }) => ({
        line: {
          label: mechanism,
          description: text,
          icon: failed ? 'error' : 'dash',
          ...(failed ? { colour: 'list.errorForeground' } : {}),
        },
      })),
  };
}

function headsNode(saved: SavedHeadsFile): ResultNode {
  const { uri, name, inWorkspace, content } = saved;
  const contextValue = inWorkspace ? `${items.resultOfHeads}InWorkspace` : items.resultOfHeads;
  if (!content.ok) return unreadableNode(saved, content.why, contextValue);
  const { result } = content.result;
  return {
    line: {
      id: uri.toString(),
      label: listedName(result.created, name),
      description: headsDescription(result),
      tooltip: [...headsDetails(result), placeWords(saved)],
      icon: 'eye',
    },
    contextValue,
    resource: uri,
    command: { command: 'vscode.openWith', title: 'Open', arguments: [uri, headsEditor] },
    children: () =>
      Promise.resolve(
        labelLines(result.classes).map(({ label, text }) => ({
          line: { label, description: text, icon: 'dash' },
        })),
      ),
  };
}

function hallucinationNode(saved: SavedHallucinationFile): ResultNode {
  const { uri, name, inWorkspace, content } = saved;
  const contextValue = inWorkspace ? `${items.resultOfPictures}InWorkspace` : items.resultOfPictures;
  if (!content.ok) return unreadableNode(saved, content.why, contextValue);
  const { result } = content;
  return {
    line: {
      id: uri.toString(),
      label: listedName(result.created, name),
      description: hallucinationDescription(result),
      tooltip: [...hallucinationDetails(result), placeWords(saved)],
      icon: 'file-media',
    },
    contextValue,
    resource: uri,
    command: { command: 'vscode.openWith', title: 'Open', arguments: [uri, hallucinationEditor] },
    children: () =>
      Promise.resolve(
        hallucinationLines(result).map(({ label, text }) => ({ line: { label, description: text, icon: 'dash' } })),
      ),
  };
}
