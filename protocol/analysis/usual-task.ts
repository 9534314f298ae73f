/** The task that a form begins with, until a person chooses another. */
import type { AnalysisInfo } from './analysis';

type UsualTask = NonNullable<AnalysisInfo['usualTask']>;

/** It needs no tokenizer, and every model with a language head can be asked. */
const everywhere: UsualTask = { task: 'induction', samples: 100 };

export const usualTaskOf = (analysis: AnalysisInfo | undefined): UsualTask => analysis?.usualTask ?? everywhere;

/** Whether a form still holds what it began with for this analysis: another analysis may then begin with its own. */
export function isUsualTask(
  analysis: AnalysisInfo | undefined,
  { task, samples, taskParameters = {} }: UsualTask & { readonly taskParameters?: Readonly<Record<string, unknown>> },
): boolean {
  const usual = usualTaskOf(analysis);
  return task === usual.task && samples === usual.samples && Object.keys(taskParameters).length === 0;
}
