/** Another result to compare with, by VS Code's own list: one that was saved, or one of the history. */
import { entryName, idOf, subjectIn, type HistoryKind } from '../history/entry';
import type { History } from '../history/history';
import { pickAmong } from '../platform/quick-pick';
import { comparedKind, type ComparedOf, type SavedOf } from '../results/result-kinds';
import type { ResultLibrary } from '../results/result-library';
import { listedName } from '../results/result-words';
import { Sentence } from './questions';

export interface OtherResults<K extends HistoryKind> {
  readonly kind: K;
  readonly library: ResultLibrary;
  readonly history: History;
  /** The result that is compared. */
  readonly shown: SavedOf<K> | undefined;
  /** Said when there is none. */
  readonly none: string;
  readonly placeHolder: string;
}

/** Undefined when the person cancels. */
export async function chooseOther<K extends HistoryKind>(results: OtherResults<K>): Promise<ComparedOf<K> | undefined> {
  const { placeHolder } = results;
  const choices = others(results);
  const asked = { title: 'Compare with', placeHolder, reading: 'Reading the saved results' };
  return (await pickAmong(choices, { ...asked, matchOnDescription: true }))?.other();
}

/** A result is compared with one of the same question. */
async function others<K extends HistoryKind>(results: OtherResults<K>) {
  const { kind, library, history, shown, none } = results;
  const subject = shown && subjectIn(kind, shown);
  const isOther = (one: { readonly created: string; readonly analysis?: string }): boolean =>
    subject === undefined || (one.created !== subject.created && one.analysis === subject.analysis);
  const files = await library.readable(kind);
  const known = new Set(files.map((file) => file.listing.created));
  const entries = (await history.list()).filter(
    (entry) => comparedKind(entry.kind) === kind && !known.has(entry.created),
  );
  const choices = [
    ...files
      .filter(({ saved }) => isOther(subjectIn(kind, saved)))
      .map(({ listing, name, saved }) => ({
        label: listedName(listing.created, name),
        description: listing.description,
        other: () => Promise.resolve({ name, result: saved }),
      })),
    ...entries.filter(isOther).map((entry) => {
      const label = listedName(entry.created, entryName(entry));
      return {
        label,
        description: 'in the history',
        other: async () => {
          const read = await history.read(entry.id);
          if (!read.ok) throw new Sentence(read.why);
          await history.use(entry.id);
          return { name: label, result: read.result.saved as SavedOf<K> };
        },
      };
    }),
  ];
  if (choices.length === 0) throw new Sentence(none);
  if (subject !== undefined) await history.use(idOf(kind, subject));
  return choices;
}
