/** The row of a run of the history: below its model, or below "Other results" with the name of its model. */
import { weightsOf, type HistoryEntry } from '../history/entry';
import { listedName } from '../results/result-words';
import type { TreeLine } from './tree-line';

const inOrder = (parts: readonly string[], between: string): string =>
  parts.filter((part) => part !== '').join(between);

export function resultLine(entry: HistoryEntry): TreeLine {
  const { id, title, question, created, pinned } = entry;
  const time = listedName(created, '');
  const input = inOrder([weightsOf(entry), entry.input], ' · ');
  return {
    id: `result ${id}`,
    label: title,
    description: inOrder([time, input], ' · '),
    tooltip: [question ?? title, input, time].filter((part) => part !== ''),
    icon: pinned ? 'pinned' : 'note',
    spoken: inOrder([title, time, input], ', '),
  };
}

/** Its model is none of the list, or there was none. */
export const otherLine = (entry: HistoryEntry): TreeLine =>
  resultLine({ ...entry, input: inOrder([entry.model, entry.input], ' · ') });
