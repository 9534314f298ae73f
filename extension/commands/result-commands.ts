import * as vscode from 'vscode';
import { entryName, type HistoryEntry } from '../history/entry';
import type { History } from '../history/history';
import { defined } from '../platform/defined';
import { ask } from '../platform/notify';
import { chooseAmong, chooseResult, savedChoices, type Choice } from '../results/choose-result';
import { comparedKind, resultKinds, type Kind } from '../results/result-kinds';
import { isReadable, type ReadableResult, type ResultLibrary, type SavedResult } from '../results/result-library';
import { fileStem, listedName } from '../results/result-words';
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
type FileEditors = Readonly<Record<Kind, { compare(one: vscode.Uri, other: ReadableResult): Promise<void> }>>;

export interface ResultParts {
  readonly library: ResultLibrary;
  readonly history: History;
  readonly editors: FileEditors;
}

export function resultCommands(parts: ResultParts): Pick<Handlers, ResultCommand> {
  const { library, history } = parts;
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
    'headscope.results.compare': (clicked, selected) => compareFiles(parts, urisOf(clicked, selected)),
    'headscope.results.rename': (argument) => rename(library, argument),
    'headscope.results.delete': (clicked, selected) => remove(parts, urisOf(clicked, selected)),
    'headscope.results.copyToWorkspace': async (argument) => {
      const uri = uriOf(argument);
      if (uri === undefined) return;
      const run = await runOf(history, uri);
      const copy = run === undefined ? await library.copyToWorkspace(uri) : await history.toWorkspace(run.id);
      vscode.window.setStatusBarMessage(`Headscope: copied to ${vscode.workspace.asRelativePath(copy)}.`, 4000);
    },
  };
}

/** The run of the history that lies in this file. */
async function runOf(history: History, uri: vscode.Uri): Promise<HistoryEntry | undefined> {
  const [id] = [...(await history.files())].find(([, file]) => file === uri.fsPath) ?? [];
  return id === undefined ? undefined : (await history.list()).find((entry) => entry.id === id);
}

/** Two results of one kind, saved or of the history; what the command does not name, the person chooses. */
export async function compareFiles(
  { library, history, editors }: ResultParts,
  uris: readonly vscode.Uri[],
  /** The person chooses among these alone. */
  wanted: { readonly kind?: Kind; readonly analysis?: string } = {},
): Promise<void> {
  const [one, other] = await Promise.all(uris.slice(0, 2).map((uri) => readable(library, uri)));
  const choose = async (title: string, fits: (choice: Choice) => boolean): Promise<ReadableResult | undefined> => {
    const isWanted = (choice: Choice): boolean =>
      fits(choice) && (wanted.analysis === undefined || choice.analysis === wanted.analysis);
    const choice = await chooseAmong(choices(library, history, wanted.kind), title, isWanted);
    return choice && readable(library, choice.uri);
  };
  const first = one ?? (await choose('Compare (1 of 2)', () => true));
  if (first === undefined) return;
  const second =
    other ??
    (await choose(
      'Compare with',
      (one) => one.holds === comparedKind(first.kind) && one.uri.toString() !== first.uri.toString(),
    ));
  if (second === undefined) return;
  if (comparedKind(first.kind) !== comparedKind(second.kind))
    throw new Error(
      `${first.name} and ${second.name} are of different kinds: benchmarks, what heads do, and pictures are compared only with results of their kind. Choose two of one kind.`,
    );
  // The later of the two is opened, so that a change is what it is over the earlier one.
  const [later, earlier] = first.listing.created < second.listing.created ? [second, first] : [first, second];
  await editors[later.kind].compare(later.uri, earlier);
}

/** A result that was saved stands in the list once, though the history has it too. */
async function choices(library: ResultLibrary, history: History, kind?: Kind): Promise<readonly Choice[]> {
  const saved = savedChoices(await (kind === undefined ? library.list() : library.listOf(kind)));
  const times = new Set(saved.map(({ created }) => created));
  const files = await history.files();
  const runs = (await history.list()).flatMap((entry): Choice[] => {
    const file = files.get(entry.id);
    const isOther = !times.has(entry.created) && (kind === undefined || comparedKind(entry.kind) === kind);
    if (file === undefined || !isOther) return [];
    const label = listedName(entry.created, entryName(entry));
    const { created, analysis } = entry;
    const holds = comparedKind(entry.kind);
    return [
      { holds, uri: vscode.Uri.file(file), created, label, description: 'in the history', ...defined({ analysis }) },
    ];
  });
  return [...saved, ...runs];
}

async function readable(library: ResultLibrary, uri: vscode.Uri): Promise<ReadableResult> {
  const found = await library.read(uri);
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

async function remove({ library, history }: ResultParts, uris: readonly vscode.Uri[]): Promise<void> {
  if (uris.length === 0) return;
  const found = await Promise.all(
    uris.map(async (uri) => {
      const run = await runOf(history, uri);
      return run === undefined
        ? { name: (await library.read(uri)).name, remove: () => library.delete(uri) }
        : { name: entryName(run), remove: () => history.remove(run.id), isRun: true };
    }),
  );
  const names = found.map(({ name }) => name);
  const what = names.length === 1 ? `"${names[0]}"` : `${names.length} results`;
  const meaning =
    found[0] && 'isRun' in found[0]
      ? 'It goes from the history, and its file from the disk.'
      : 'The file is moved to the trash where there is one.';
  const choice = await ask(`Delete ${what}?`, names.length === 1 ? meaning : names.join('\n'), 'Delete');
  if (choice === 'Delete') for (const one of found) await one.remove();
}
