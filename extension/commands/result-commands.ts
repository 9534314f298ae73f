import * as vscode from 'vscode';
import { ask } from '../platform/notify';
import { chooseResult } from '../results/choose-result';
import { resultKinds, type Kind } from '../results/result-kinds';
import { isReadable, type ReadableResult, type ResultLibrary, type SavedResult } from '../results/result-library';
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

/** The editors of files, by the kind of result. */
export type FileEditors = Readonly<Record<Kind, { compare(one: vscode.Uri, other: ReadableResult): Promise<void> }>>;

export function resultCommands(library: ResultLibrary, editors: FileEditors): Pick<Handlers, ResultCommand> {
  const chosen = async (argument: unknown): Promise<SavedResult | undefined> => {
    const uri = uriOf(argument);
    return uri === undefined ? chooseResult(library.list(), 'Open a Saved Result') : library.read(uri);
  };
  const openWith = async (argument: unknown, asText: boolean): Promise<void> => {
    const saved = await chosen(argument);
    if (saved === undefined) return;
    const viewType = asText ? 'default' : resultKinds[saved.kind].viewType;
    await vscode.commands.executeCommand('vscode.openWith', saved.uri, viewType);
  };
  return {
    'headscope.results.refresh': () => library.refresh(),
    'headscope.results.open': (argument) => openWith(argument, false),
    'headscope.results.openText': (argument) => openWith(argument, true),
    'headscope.results.compare': async (clicked, selected) =>
      compareFiles(await library.list(), urisOf(clicked, selected), editors),
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

/** Two results of one kind; what the command does not name, the person chooses. */
export async function compareFiles(
  saved: readonly SavedResult[],
  uris: readonly vscode.Uri[],
  editors: FileEditors,
): Promise<void> {
  const [one, other] = uris.map((uri) => readable(saved, uri));
  const first = one ?? (await chooseResult(saved, 'Compare (1 of 2)'));
  if (first === undefined) return;
  const second =
    other ??
    (await chooseResult(
      saved,
      'Compare with',
      ({ kind, uri }) => kind === first.kind && uri.toString() !== first.uri.toString(),
    ));
  if (second === undefined) return;
  if (first.kind !== second.kind)
    throw new Error(
      `${first.name} and ${second.name} are of different kinds: benchmarks, what heads do, and pictures are compared only with results of their kind. Choose two of one kind.`,
    );
  // The later of the two is opened, so that a change is what it is over the earlier one.
  const [later, earlier] = first.listing.created < second.listing.created ? [second, first] : [first, second];
  await editors[later.kind].compare(later.uri, earlier);
}

function readable(saved: readonly SavedResult[], uri: vscode.Uri) {
  const found = saved.find((one) => one.uri.toString() === uri.toString());
  const name = uri.path.split('/').at(-1) ?? uri.path;
  if (found === undefined) throw new Error(`${name} is not among the saved results. Refresh the Results view.`);
  if (!isReadable(found)) {
    throw new Error(`${found.name} cannot be compared. ${found.content.ok ? '' : found.content.why}`);
  }
  return found;
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
  const choice = await ask(
    `Delete ${what}?`,
    names.length === 1 ? 'The file is moved to the trash where there is one.' : names.join('\n'),
    'Delete',
  );
  if (choice === 'Delete') for (const uri of uris) await library.delete(uri);
}
