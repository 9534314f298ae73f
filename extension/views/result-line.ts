/** The row of a result below its model. */
import type { HistoryEntry } from '../history/entry';
import { listedName } from '../results/result-words';
import type { TreeLine } from './tree-line';

export function resultLine({ id, title, question, input, created, pinned }: HistoryEntry): TreeLine {
  const time = listedName(created, '');
  return {
    id: `result ${id}`,
    label: title,
    description: [time, input].filter((part) => part !== '').join(' · '),
    tooltip: [question ?? title, input, time].filter((part) => part !== ''),
    icon: pinned ? 'pinned' : 'note',
    spoken: [title, time, input].filter((part) => part !== '').join(', '),
  };
}
