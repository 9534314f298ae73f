import type { Uri } from 'vscode';
import { pickAmong } from '../platform/quick-pick';
import { showInformation } from '../platform/notify';
import { comparedKind, type Kind } from './result-kinds';
import { isReadable, type ReadableResult, type SavedResult } from './result-library';
import { listedName } from './result-words';

/** A result as a row of a quick pick. */
export interface Choice {
  /** The kind of result that it is compared as: rows of VS Code have a `kind` of their own. */
  readonly holds: Kind;
  readonly uri: Uri;
  /** Id of the analysis, where it is a result of one. */
  readonly analysis?: string;
  /** ISO time. */
  readonly created: string;
  readonly label: string;
  readonly description: string;
}

/** The saved results that can be read. */
export const savedChoices = (
  saved: readonly SavedResult[],
): readonly (Choice & { readonly result: ReadableResult })[] =>
  saved.filter(isReadable).map((result) => ({
    holds: comparedKind(result.kind),
    ...('analysis' in result.content.result ? { analysis: result.content.result.analysis } : {}),
    uri: result.uri,
    created: result.listing.created,
    label: listedName(result.listing.created, result.name),
    description: result.listing.description,
    result,
  }));

/** A quick pick over results; undefined when the person cancels. */
export async function chooseAmong<Row extends Choice>(
  rows: Promise<readonly Row[]>,
  title: string,
  isWanted: (row: Row) => boolean,
): Promise<Row | undefined> {
  const choices = rows.then((all) => all.filter(isWanted));
  const asked = { title, placeHolder: 'A saved result', reading: 'Reading the saved results' };
  const choice = await pickAmong(choices, { ...asked, matchOnDescription: true });
  if (choice === undefined && (await choices).length === 0) {
    await showInformation(
      'There is no other saved result. Benchmarks are saved by themselves; other results by Save in their panel.',
    );
  }
  return choice;
}

/** A quick pick over the saved results that can be read. */
export async function chooseResult(
  saved: readonly SavedResult[] | Promise<readonly SavedResult[]>,
  title: string,
  isWanted: (row: Choice) => boolean = () => true,
): Promise<ReadableResult | undefined> {
  const choice = await chooseAmong(Promise.resolve(saved).then(savedChoices), title, isWanted);
  return choice?.result;
}
