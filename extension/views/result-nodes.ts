/** Rows of results: runs of the history, and saved files with what each holds. */
import * as vscode from 'vscode';
import { items } from '../../protocol/contributions/views';
import type { HistoryEntry } from '../history/entry';
import { resultKinds, type Titles } from '../results/result-kinds';
import type { SavedResult } from '../results/result-library';
import { listedName } from '../results/result-words';
import { resultLine } from './result-line';
import { noteNode, type Node } from './tree';

/** More are in the history of the workbench. */
const mostRuns = 20;

const open = (title: string, uri: vscode.Uri, editor: string): vscode.Command => ({
  command: 'vscode.openWith',
  title,
  arguments: [uri, editor],
});

/** The first of these runs. `files`: by the ids of the runs; one that could not be written has none. */
export function runNodes(
  runs: readonly HistoryEntry[],
  files: ReadonlyMap<string, string>,
  lineOf = resultLine,
): readonly Node[] {
  const rows = runs.slice(0, mostRuns).map((entry): Node => {
    const file = files.get(entry.id);
    const line = lineOf(entry);
    if (file === undefined) return { line };
    const uri = vscode.Uri.file(file);
    const command = open('Open', uri, resultKinds[entry.kind].viewType);
    return { line, contextValue: items.run, resource: uri, command };
  });
  const more = runs.length - rows.length;
  return more > 0 ? [...rows, noteNode(`${more} earlier results are in the history of the workbench.`)] : rows;
}

export function savedNode(saved: SavedResult, titles: Titles): Node {
  const { uri, name, kind, inWorkspace, content, listing } = saved;
  const { item, viewType } = resultKinds[kind];
  const place = inWorkspace ? vscode.workspace.asRelativePath(uri) : 'in the storage of the extension';
  const common = { contextValue: inWorkspace ? `${item}InWorkspace` : item, resource: uri };
  if (listing === undefined) {
    const why = content.ok ? '' : content.why;
    return {
      ...common,
      line: { id: uri.toString(), label: name, description: why, icon: 'warning', tooltip: [why, place] },
      command: open('Open as Text', uri, 'default'),
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
    command: open('Open', uri, viewType),
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
