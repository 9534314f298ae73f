import * as vscode from 'vscode';
import { benchmarkEditor } from '../../protocol/contributions/views';
import type { BenchmarkFileEditor } from '../panels/kernels/file-editor';
import { chooseResult } from '../results/choose-result';
import type { ResultLibrary } from '../results/result-library';
import { fileStem } from '../results/result-words';
import { uriOf, urisOf } from './arguments';
import type { Handlers } from './register';

type ResultCommand =
  | 'headscope.results.refresh'
  | 'headscope.results.open'
  | 'headscope.results.openText'
  | 'headscope.results.compare'
  | 'headscope.results.rename'
  | 'headscope.results.delete'
  | 'headscope.results.copyToWorkspace';

export function resultCommands(library: ResultLibrary, editor: BenchmarkFileEditor): Pick<Handlers, ResultCommand> {
  const openWith = async (argument: unknown, viewType: string): Promise<void> => {
    const uri = uriOf(argument) ?? (await chooseResult(await library.list(), 'Open a Saved Result'))?.uri;
    if (uri !== undefined) await vscode.commands.executeCommand('vscode.openWith', uri, viewType);
  };
  return {
    'headscope.results.refresh': () => library.refresh(),
    'headscope.results.open': (argument) => openWith(argument, benchmarkEditor),
    'headscope.results.openText': (argument) => openWith(argument, 'default'),
    'headscope.results.compare': (clicked, selected) => compare(library, editor, urisOf(clicked, selected)),
    'headscope.results.rename': (argument) => rename(library, argument),
    'headscope.results.delete': (clicked, selected) => remove(library, urisOf(clicked, selected)),
    'headscope.results.copyToWorkspace': async (argument) => {
      const uri = uriOf(argument);
      if (uri === undefined) return;
      const copy = await library.copyToWorkspace(uri);
      vscode.window.setStatusBarMessage(`Headscope: copied to ${vscode.workspace.asRelativePath(copy)}.`, 4000);
    },
  };
}

async function compare(
  library: ResultLibrary,
  editor: BenchmarkFileEditor,
  uris: readonly vscode.Uri[],
): Promise<void> {
  const saved = await library.list();
  const [first, second] = uris;
  const one = first ?? (await chooseResult(saved, 'Compare (1 of 2)'))?.uri;
  if (one === undefined) return;
  const other =
    second === undefined
      ? await chooseResult(saved, 'Compare with', (_result, uri) => uri.toString() !== one.toString())
      : await readable(library, second);
  if (other !== undefined) await editor.compare(one, { name: other.name, result: other.result });
}

async function readable(library: ResultLibrary, uri: vscode.Uri) {
  const { name, content } = await library.read(uri);
  if (!content.ok) throw new Error(`${name} cannot be compared. ${content.why}`);
  return { name, result: content.result };
}

async function rename(library: ResultLibrary, argument: unknown): Promise<void> {
  const uri = uriOf(argument);
  if (uri === undefined) return;
  const { name } = await library.read(uri);
  const stem = await vscode.window.showInputBox({
    title: 'Rename the Result',
    value: name,
    validateInput: async (value) => {
      if (value.trim() === '') return 'Type a name.';
      if (await library.taken(uri, value)) return `A result named "${fileStem(value)}" exists already.`;
      return fileStem(value) === value.trim()
        ? undefined
        : { message: `It will be named "${fileStem(value)}".`, severity: vscode.InputBoxValidationSeverity.Info };
    },
  });
  if (stem !== undefined) await library.rename(uri, stem);
}

async function remove(library: ResultLibrary, uris: readonly vscode.Uri[]): Promise<void> {
  if (uris.length === 0) return;
  const names = await Promise.all(uris.map(async (uri) => (await library.read(uri)).name));
  const what = names.length === 1 ? `"${names[0]}"` : `${names.length} results`;
  const choice = await vscode.window.showWarningMessage(
    `Delete ${what}?`,
    {
      modal: true,
      detail: names.length === 1 ? 'The file is moved to the trash where there is one.' : names.join('\n'),
    },
    'Delete',
  );
  if (choice === 'Delete') for (const uri of uris) await library.delete(uri);
}
