/** Another result to compare with, by VS Code's own list: one that was saved, or one of the last runs. */
import * as vscode from 'vscode';
import { listedName } from '../results/result-words';
import { Sentence } from './questions';

export interface OtherResult<Named> {
  readonly named: Named;
  readonly name: string;
  readonly description: string;
  /** Time of its run: the same run is offered once. */
  readonly created: string;
}

export interface OtherResults<Named> {
  readonly saved: readonly OtherResult<Named>[];
  readonly runs: readonly OtherResult<Named>[];
  /** The run that is compared. */
  readonly but: string | undefined;
  /** Said when there is none. */
  readonly none: string;
  readonly placeHolder: string;
}

export async function chooseOther<Named>(options: OtherResults<Named>): Promise<Named | undefined> {
  const { saved, runs, but, none, placeHolder } = options;
  const known = new Set(saved.map(({ created }) => created));
  const choices = [
    ...saved.map((one) => ({ ...one, label: listedName(one.created, one.name) })),
    ...runs
      .filter(({ created }) => !known.has(created))
      .map((run) => ({ ...run, label: run.name, description: 'not saved' })),
  ]
    .filter(({ created }) => created !== but)
    .map(({ label, description, named }) => ({ label, description, named }));
  if (choices.length === 0) throw new Sentence(none);
  const choice = await vscode.window.showQuickPick(choices, {
    title: 'Compare with',
    placeHolder,
    matchOnDescription: true,
  });
  return choice?.named;
}
