/** Another result to compare with, by VS Code's own list: one that was saved, or one of the last runs. */
import * as vscode from 'vscode';
import { showInformation } from '../platform/notify';

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
    ...saved,
    ...runs.filter(({ created }) => !known.has(created)).map((run) => ({ ...run, description: 'not saved' })),
  ]
    .filter(({ created }) => created !== but)
    .map(({ name, description, named }) => ({ label: name, description, named }));
  if (choices.length === 0) {
    await showInformation(none);
    return undefined;
  }
  const choice = await vscode.window.showQuickPick(choices, {
    title: 'Compare with',
    placeHolder,
    matchOnDescription: true,
  });
  return choice?.named;
}
