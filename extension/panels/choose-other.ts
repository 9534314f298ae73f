/** Another result to compare with, by VS Code's own list: one that was saved, or one of the last runs. */
import { pickAmong } from '../platform/quick-pick';
import type { RecentRuns } from '../results/recent-runs';
import { resultKinds, type ComparedOf, type Kind, type SavedOf } from '../results/result-kinds';
import type { ResultLibrary } from '../results/result-library';
import { listedName } from '../results/result-words';
import { Sentence } from './questions';

export interface OtherResults<K extends Kind> {
  readonly kind: K;
  readonly library: ResultLibrary;
  readonly recent: RecentRuns<K>;
  /** The result that is compared. */
  readonly shown: SavedOf<K> | undefined;
  readonly isComparable?: (other: SavedOf<K>) => boolean;
  /** Said when there is none. */
  readonly none: string;
  readonly placeHolder: string;
}

/** Undefined when the person thought better of it. */
export async function chooseOther<K extends Kind>(results: OtherResults<K>): Promise<ComparedOf<K> | undefined> {
  const { placeHolder } = results;
  const choices = others(results);
  const asked = { title: 'Compare with', placeHolder, reading: 'Reading the saved results' };
  return (await pickAmong(choices, { ...asked, matchOnDescription: true }))?.other;
}

async function others<K extends Kind>(results: OtherResults<K>) {
  const { kind, library, recent, shown, isComparable = () => true, none } = results;
  const { listing, compared } = resultKinds[kind];
  const files = await library.readable(kind);
  const known = new Set(files.map((file) => file.listing.created));
  const runs = (await recent.list()).filter((run) => !known.has(run.listing.created));
  const choices = [
    ...files.map((file) => ({
      ...file,
      label: listedName(file.listing.created, file.name),
      description: file.listing.description,
    })),
    ...runs.map((run) => ({ ...run, label: run.name, description: 'not saved' })),
  ].filter(({ saved, listing: { created } }) => created !== (shown && listing(shown).created) && isComparable(saved));
  if (choices.length === 0) throw new Sentence(none);
  return choices.map(({ label, description, name, saved }) => ({ label, description, other: compared(name, saved) }));
}
