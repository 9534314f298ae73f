import * as vscode from 'vscode';
import { showInformation } from '../platform/notify';
import { isReadable, type ReadableResult, type SavedResult } from './result-library';
import { listedName } from './result-words';

/** A quick pick over the saved results that can be read. */
export async function chooseResult(
  saved: readonly SavedResult[],
  title: string,
  wanted: (saved: ReadableResult) => boolean = () => true,
): Promise<ReadableResult | undefined> {
  const choices = saved
    .filter(isReadable)
    .filter(wanted)
    .map((one) => ({
      label: listedName(one.listing.created, one.name),
      description: one.listing.description,
      chosen: one,
    }));
  if (choices.length === 0) {
    await showInformation(
      'There is no other saved result. A benchmark is saved by itself, what heads do by Save in their panel.',
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
