/** Rows of sweeps, each with the results of its cells below it. */
import * as vscode from 'vscode';
import { items } from '../../protocol/contributions/views';
import { fieldsIn } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';
import { counted } from '../../protocol/wire/number-words';
import { folderOf, kindIn, sweepName } from '../panels/sweep/sweep-files';
import { resultKinds } from '../results/result-kinds';
import { cellLine } from './sweep-line';
import { noteNode, type Node } from './tree';

/** More are in the panel of the sweep. */
const mostCells = 50;
const pattern = '**/*.headscope-sweep.{yaml,yml}';
const mostSweeps = 200;

/** Milliseconds between two changes that are told: cells may end one after the other. */
const tellEvery = 2000;

/** A sweep or a result of one came or went. */
export function watchSweeps(changed: () => void): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher(
    '**/{*.headscope-sweep.yaml,*.headscope-sweep.yml,*.headscope-sweep/results/*.json}',
    false,
    true,
  );
  let waiting: NodeJS.Timeout | undefined;
  const soon = (): void => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      changed();
    }, tellEvery);
  };
  return vscode.Disposable.from(watcher, watcher.onDidCreate(soon), watcher.onDidDelete(soon), {
    dispose: () => clearTimeout(waiting),
  });
}

/** Undefined where no folder that is open has a sweep. */
export async function sweepsNode(): Promise<Node | undefined> {
  const found = await vscode.workspace.findFiles(pattern, '**/{node_modules,.git,.host}/**', mostSweeps);
  if (found.length === 0) return undefined;
  const sweeps = found.toSorted((one, other) => one.path.localeCompare(other.path));
  return {
    line: {
      id: 'sweeps',
      label: 'Sweeps',
      description: String(found.length),
      tooltip: ['Files of sweeps in the workspace, with the results of their cells'],
      icon: 'table',
    },
    children: () => Promise.all(sweeps.map(sweepNode)),
  };
}

async function sweepNode(uri: vscode.Uri): Promise<Node> {
  const results = await resultsOf(uri);
  const path = vscode.workspace.asRelativePath(uri);
  return {
    line: {
      id: uri.toString(),
      label: sweepName(uri),
      description: results.length === 0 ? 'no results' : counted(results.length, 'result', 'results'),
      tooltip: [path],
      icon: 'table',
    },
    contextValue: items.sweep,
    resource: uri,
    command: { command: 'headscope.openSweep', title: 'Open Sweep', arguments: [uri] },
    ...(results.length === 0 ? {} : { children: () => cellNodes(results) }),
  };
}

async function resultsOf(sweep: vscode.Uri): Promise<readonly vscode.Uri[]> {
  const folder = vscode.Uri.joinPath(folderOf(sweep), 'results');
  const entries = await Promise.resolve(vscode.workspace.fs.readDirectory(folder)).catch(() => []);
  return entries
    .filter(([name, type]) => type !== vscode.FileType.Directory && name.endsWith('.json'))
    .map(([name]) => vscode.Uri.joinPath(folder, name));
}

async function cellNodes(results: readonly vscode.Uri[]): Promise<readonly Node[]> {
  const read = await Promise.all(results.slice(0, mostCells).map(cellNode));
  const rows = read.toSorted((one, other) => one.cell - other.cell).map(({ node }) => node);
  const more = results.length - rows.length;
  return more > 0 ? [...rows, noteNode(`${more} more results are in the panel of the sweep.`)] : rows;
}

async function cellNode(uri: vscode.Uri): Promise<{ readonly cell: number; readonly node: Node }> {
  const text = await Promise.resolve(vscode.workspace.fs.readFile(uri)).catch(() => new Uint8Array());
  const parsed = parseJsonText(new TextDecoder().decode(text));
  const result = parsed.ok ? fieldsIn(parsed.value) : {};
  const kind = kindIn(result);
  const editor = kind === undefined ? 'default' : resultKinds[kind].viewType;
  return {
    cell: Number(fieldsIn(result['sweep'])['cell'] ?? 0),
    node: {
      line: { id: uri.toString(), ...cellLine(result) },
      resource: uri,
      command: { command: 'vscode.openWith', title: 'Open', arguments: [uri, editor] },
    },
  };
}
