/** A folder of pictures as sections: scores, what reinforcement changed, T-VHD of words, every picture. Pure. */
import {
  picturesOf,
  scoreChanges,
  scoreChangeTable,
  setSections,
} from '../../../protocol/results/sections/caption-set';
import type { DatasetEntry } from '../../../protocol/results/hallucination-schema';
import type { Section } from '../../../protocol/sections/section';
import { pairOf } from './comparison';
import { kept } from './kept-sections';
import type { State } from './state';
import { setNames } from './variant-words';

const ask = { ask: 'Show its heads' };

export const picturesId = 'pictures';

/** While pictures come in, the newest is seen first. */
export const shownEntries = ({ set, entries }: State): readonly DatasetEntry[] =>
  set ? set.entries : entries.toReversed();

export function sectionsOfSet(state: State): readonly Section[] {
  const { set, entries, entryFailures } = state;
  if (set) return kept('set', [set], () => setSections(set, setNames, ask));
  if (entries.length === 0) return [];
  return kept('entries', [entries, entryFailures], () => [
    picturesOf(
      shownEntries(state),
      (entries[0]?.variants ?? []).flatMap(({ reinforcement }) => (reinforcement ? [{ reinforcement }] : [])),
      setNames,
      ask,
    ),
    ...setSections({ failures: entryFailures }, setNames),
  ]);
}

/** This set less the other one. */
export function setChanges(state: State): readonly Section[] {
  const pair = pairOf(state);
  const name = state.compareWith?.name ?? '';
  if (pair?.kind !== 'sets') return [];
  return kept('set changes', [pair.here, pair.there, name], () => [
    scoreChangeTable(`Change of the scores from ${name}`, name, scoreChanges(pair.here, pair.there, setNames)),
  ]);
}
