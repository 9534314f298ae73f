/** The task that a form begins with, until a person chooses another. */
import type { AnalysisInfo } from './analysis';
import type { TaskInfo } from './tasks';

export type UsualTask = NonNullable<AnalysisInfo['usualTask']>;

/** It needs no tokenizer, and every model with a language head can be asked. */
const everywhere: UsualTask = { task: 'induction', samples: 100 };

export const usualTaskOf = (analysis: AnalysisInfo | undefined): UsualTask => analysis?.usualTask ?? everywhere;

/** `taskParameters`: as values or as typed. */
export type ChosenTask = UsualTask & { readonly taskParameters?: Readonly<Record<string, unknown>> };

/**
 * Whether a form still holds what it began with for this analysis: another analysis may then begin with its own. `tasks`: the
 * catalogue, for the defaults of the parameters.
 */
export function isUsualTask(
  analysis: AnalysisInfo | undefined,
  tasks: readonly TaskInfo[],
  { task, samples, taskParameters = {} }: ChosenTask,
): boolean {
  const usual = usualTaskOf(analysis);
  if (task !== usual.task || samples !== usual.samples) return false;
  const table = tasks.find(({ id }) => id === task)?.parameters ?? {};
  return Object.entries(taskParameters).every(([name, value]) => String(value) === String(table[name]?.default));
}
