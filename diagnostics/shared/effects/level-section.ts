/** The metric of a task before anything is changed, as a table. */
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { metricWords } from './metric';
import * as build from '../../../protocol/sections/builders';

/** How the interval of a mean over prompts is described. */
export const intervalWords = "95 % interval over prompts (Student's t)";

export interface Level {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** `unchanged`: what the prompts run without. `rows`: by the words for the prompts. */
export function levelTable(
  metric: EffectMetric,
  unchanged: string,
  rows: readonly (readonly [words: string, level: Level])[],
  note = '',
) {
  const { name, unit, definition } = metricWords[metric];
  const column = (id: string, title: string, words: string) => build.number(id, title, words, unit);
  return build.table('levels', `${name[0]?.toUpperCase()}${name.slice(1)} without ${unchanged}`, '', rows, [
    build.text('run', 'Prompts', ([words]) => words),
    {
      ...column('mean', 'Mean', `${definition}, under the interventions of the run.${note}`),
      cell: ([, { mean }]) => mean,
    },
    { ...column('low', 'From', `Lower end of its ${intervalWords}.`), cell: ([, { low }]) => low },
    { ...column('high', 'To', `Upper end of its ${intervalWords}.`), cell: ([, { high }]) => high },
  ]);
}
