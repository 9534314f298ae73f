import * as vscode from 'vscode';
import type { BenchmarkResult } from '../../protocol/results/benchmark';
import type { SavedResult } from './result-library';
import { resultDescription } from './result-words';

export interface ChosenResult {
  readonly name: string;
  readonly uri: vscode.Uri;
  readonly result: BenchmarkResult;
}

/** A quick pick over the saved results that can be read. */
export async function chooseResult(
  saved: readonly SavedResult[],
  title: string,
  wanted: (result: BenchmarkResult, uri: vscode.Uri) => boolean = () => true,
): Promise<ChosenResult | undefined> {
  const choices = saved.flatMap(({ uri, name, content }) =>
    content.ok && wanted(content.result, uri)
      ? [{ label: name, description: resultDescription(content.result), chosen: { name, uri, result: content.result } }]
      : [],
  );
  if (choices.length === 0) {
    await vscode.window.showInformationMessage(
      'There is no other saved result. Run a benchmark; its result is saved by itself.',
    );
    return undefined;
  }
  const choice = await vscode.window.showQuickPick(choices, {
    title,
    placeHolder: 'A saved result',
    matchOnDescription: true,
  });
  return choice?.chosen;
}
