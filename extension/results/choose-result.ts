import { pickAmong } from '../platform/quick-pick';
import { showInformation } from '../platform/notify';
import { isReadable, type ReadableResult, type SavedResult } from './result-library';
import { listedName } from './result-words';

/** A quick pick over the saved results that can be read. */
export async function chooseResult(
  saved: readonly SavedResult[] | Promise<readonly SavedResult[]>,
  title: string,
  wanted: (saved: ReadableResult) => boolean = () => true,
): Promise<ReadableResult | undefined> {
  const choices = Promise.resolve(saved).then((all) =>
    all
      .filter(isReadable)
      .filter(wanted)
      .map((one) => ({
        label: listedName(one.listing.created, one.name),
        description: one.listing.description,
        chosen: one,
      })),
  );
  const asked = { title, placeHolder: 'A saved result', reading: 'Reading the saved results' };
  const choice = await pickAmong(choices, { ...asked, matchOnDescription: true });
  if (choice === undefined && (await choices).length === 0) {
    await showInformation(
      'There is no other saved result. Benchmarks are saved by themselves; other results by Save in their panel.',
    );
  }
  return choice?.chosen;
}
