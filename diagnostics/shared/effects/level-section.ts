/** The metric of a task before anything is changed, as a table. */
import type { TaskMetric } from '../../../protocol/analysis/tasks';
import type { TableSection } from '../../../protocol/sections/table';
import { cellOf } from '../sections/cell';
import { metricWords } from './metric';

/** Of a mean over prompts. */
export const intervalWords = "95 % interval over prompts (Student's t)";

export interface Level {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** `unchanged`: what the prompts run without. `rows`: by the words for the prompts. */
export function levelTable(
  metric: TaskMetric,
  unchanged: string,
  rows: readonly (readonly [words: string, level: Level])[],
  note = '',
): TableSection {
  const { name, unit, definition } = metricWords[metric];
  const column = (id: string, title: string, words: string) =>
    ({ name: id, title, kind: 'number', unit, definition: words }) as const;
  return {
    kind: 'table',
    id: 'levels',
    title: `${name[0]?.toUpperCase()}${name.slice(1)} without ${unchanged}`,
    columns: [
      { name: 'run', title: 'Prompts', kind: 'text' },
      column('mean', 'Mean', `${definition}, under the interventions of the run.${note}`),
      column('low', 'From', `Lower end of its ${intervalWords}.`),
      column('high', 'To', `Upper end of its ${intervalWords}.`),
    ],
    rows: rows.map(([words, { mean, low, high }]) => [words, cellOf(mean), cellOf(low), cellOf(high)]),
  };
}
