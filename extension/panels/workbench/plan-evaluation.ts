/** The form that evaluates a cache plan. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';

export const planEvaluation = 'plan-evaluation';

/** `chosen`: the form with the analysis chosen. The file goes into its first parameter that takes one. */
export function evaluationOf(
  { parameters }: AnalysisInfo,
  chosen: AnalysisSetup,
  { folder, file }: { readonly folder: string; readonly file: string },
): AnalysisSetup {
  const [name] = Object.entries(parameters).find(([, { kind }]) => kind === 'file') ?? [];
  return {
    ...chosen,
    folder,
    interventions: [],
    parameters: { ...chosen.parameters, ...(name === undefined ? {} : { [name]: file }) },
  };
}
