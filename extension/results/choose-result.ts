import * as vscode from 'vscode';
import { showInformation } from '../platform/notify';
import { hallucinationDescription } from './hallucination-words';
import { headsDescription } from './heads-words';
import { createdOf, type SavedResult } from './result-library';
import { listedName, resultDescription } from './result-words';

/** A saved result that could be read. */
export type Readable<S extends SavedResult> = S & { readonly content: { readonly ok: true } };

export const isReadable = <S extends SavedResult>(saved: S): saved is Readable<S> => saved.content.ok;

const descriptionOf = (saved: SavedResult): string =>
  !saved.content.ok
    ? saved.content.why
    : saved.kind === 'heads'
      ? headsDescription(saved.content.result.result)
      : saved.kind === 'hallucination'
        ? hallucinationDescription(saved.content.result)
        : resultDescription(saved.content.result);

/** A quick pick over the saved results that can be read. */
export async function chooseResult<S extends SavedResult>(
  saved: readonly S[],
  title: string,
  wanted: (saved: Readable<S>) => boolean = () => true,
): Promise<Readable<S> | undefined> {
  const choices = saved
    .filter(isReadable)
    .filter(wanted)
    .map((one) => ({ label: listedName(createdOf(one), one.name), description: descriptionOf(one), chosen: one }));
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
