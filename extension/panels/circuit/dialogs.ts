/** What is asked about circuits through VS Code's own dialogs. */
import * as vscode from 'vscode';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { circuitText, parseCircuit, type Circuit } from '../../../protocol/circuits/circuit-file';
import { changeWords, isOfSameKind, merged } from '../../../protocol/circuits/merge';
import { circuitSuffix } from '../../../protocol/contributions/views';
import { comparedKind } from '../../results/result-kinds';
import { entryName } from '../../history/entry';
import type { History } from '../../history/history';
import { showInformation } from '../../platform/notify';
import { pickAmong } from '../../platform/quick-pick';
import { resultKinds } from '../../results/result-kinds';
import type { ResultLibrary } from '../../results/result-library';
import { fileStem, listedName } from '../../results/result-words';
import { askWhere } from '../exports';
import { replaceText } from '../file-editor';
import { Sentence } from '../questions';
import { circuitOf } from './host';

/** Saves a run as a new circuit, or merges it into one of the same analysis that the person chooses; then opens it. */
export const circuitSaver =
  (library: ResultLibrary) =>
  async (circuit: Circuit): Promise<void> => {
    const target = await chooseTarget(library, circuit);
    if (target === undefined) return;
    if (await exists(target)) await mergeInto(target, circuit);
    else await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(circuitText(circuit)));
    await vscode.commands.executeCommand('vscode.openWith', target, resultKinds.circuit.viewType);
  };

async function chooseTarget(library: ResultLibrary, circuit: Circuit): Promise<vscode.Uri | undefined> {
  const known = (await library.readable('circuit')).filter(({ saved }) => isOfSameKind(saved, circuit));
  const choices = [
    { label: '$(new-file) New Circuit…', description: '', uri: undefined },
    ...known.map(({ listing, name, saved, uri }) => ({
      label: `$(git-merge) Update ${listedName(listing.created, name)}`,
      description: [
        saved.origin.model.hash === circuit.origin.model.hash ? '' : `of ${saved.origin.model.name}, another model`,
        listing.description,
      ]
        .filter((words) => words !== '')
        .join('. '),
      uri,
    })),
  ];
  const choice =
    choices.length === 1
      ? choices[0]
      : await pickAmong(Promise.resolve(choices), {
          title: 'Save as Circuit',
          placeHolder: 'An update keeps positions, groups, names, notes and pins',
          reading: 'Reading the saved circuits',
          matchOnDescription: true,
        });
  if (choice === undefined) return undefined;
  const { title, origin } = circuit;
  return (
    choice.uri ??
    askWhere({
      name: `${fileStem(`${origin.model.name} ${title}`).replaceAll(' ', '-')}${circuitSuffix}`,
      type: 'Headscope circuit',
      endings: [circuitSuffix.slice(1), 'json'],
      title: 'Save as Circuit',
    })
  );
}

/** One step of Undo in its document, which is left to be saved. A file that is no circuit is left alone. */
async function mergeInto(target: vscode.Uri, run: Circuit): Promise<void> {
  const name = target.path.split('/').at(-1) ?? 'The file';
  const document = await vscode.workspace.openTextDocument(target);
  const read = parseCircuit(document.getText());
  if (!read.ok)
    throw new Sentence(
      `${name} is no circuit that can be read, so it stays as it is. ${read.why} Choose another name.`,
    );
  const updated = merged(read.result, run);
  if (!updated.ok) throw new Sentence(updated.why);
  await replaceText(document, circuitText(updated.result));
  void showInformation(`${name} holds the new run and is not saved yet: ${changeWords(updated.result)}.`);
}

const exists = async (uri: vscode.Uri): Promise<boolean> =>
  Promise.resolve(vscode.workspace.fs.stat(uri)).then(
    () => true,
    () => false,
  );

/** A run of the analysis that made the circuit: a saved result, or one of the history. */
export async function chooseRun(
  { library, history }: { readonly library: ResultLibrary; readonly history: History },
  { origin }: Circuit,
): Promise<Circuit | undefined> {
  const choice = await pickAmong(runs(library, history, origin), {
    title: 'Update from a Result',
    placeHolder: `A result of "${origin.title}"`,
    reading: 'Reading the results',
    matchOnDescription: true,
  });
  const result = await choice?.read();
  return result && circuitOf(result, origin);
}

async function runs(library: ResultLibrary, history: History, origin: Circuit['origin']) {
  const { analysis } = origin.setup;
  const files = (await library.readable('analysis')).filter(({ saved }) => saved.analysis === analysis);
  const saved = new Set(files.map(({ listing }) => listing.created));
  const entries = (await history.list()).filter(
    (entry) => comparedKind(entry.kind) === 'analysis' && entry.analysis === analysis && !saved.has(entry.created),
  );
  const choices = [
    ...files.map((file) => ({
      created: file.listing.created,
      label: listedName(file.listing.created, file.name),
      description: file.listing.description,
      read: () => Promise.resolve(file.saved),
    })),
    ...entries.map((entry) => ({
      created: entry.created,
      label: listedName(entry.created, entryName(entry)),
      description: 'in the history',
      read: async (): Promise<AnalysisResult> => {
        const read = await history.read(entry.id);
        if (!read.ok) throw new Sentence(read.why);
        return read.result.saved as AnalysisResult;
      },
    })),
  ]
    .filter(({ created }) => created !== origin.created)
    .sort((a, b) => b.created.localeCompare(a.created));
  if (choices.length === 0)
    throw new Sentence(`There is no other result of "${origin.title}". Run it again, then update the circuit.`);
  return choices;
}
