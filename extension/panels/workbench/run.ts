/** What the workbench runs: one analysis on one model, its partial results as they come. */
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { isCancelled, isRestart, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { PanelRun } from '../panel-run';

export type AnalysisEvent = Extract<ToWorkbench, { readonly kind: 'stage' | 'partial' | 'result' }>;
export type AnalysisRun = PanelRun<AnalysisSetup, AnalysisEvent, AnalysisResult>;

interface AnalysisRunServices extends Pick<Compute, 'analysis'> {
  /** Runs that go on when the window closes; absent: none does. */
  readonly detached?: { readonly analysis: Compute['detachedAnalysis']; has(plan: AnalysisSetup): boolean };
  keep(result: AnalysisResult, plan: AnalysisSetup | undefined): Promise<void>;
}

/** Follows why a run has ended. */
export const stepsKept = (steps: number): string =>
  `${steps === 1 ? '1 step is' : `${steps} steps are`} kept: Run goes on from there.`;

export function analysisRun(services: AnalysisRunServices): AnalysisRun {
  /** Steps that the server has on disk, by run. */
  const steps = new Map<number, number>();
  return new PanelRun<AnalysisSetup, AnalysisEvent, AnalysisResult>({
    queues: true,
    async perform(plan, { run, signal, emit }) {
      const start = services.detached?.has(plan) === true ? services.detached.analysis : services.analysis;
      const result = await start(plan, signal, (progress) => {
        if (progress.kind === 'stage') steps.set(run, progress.kept);
        emit(progress);
      });
      return { result };
    },
    finished: (result, savedAs) => ({ kind: 'result', result, ...defined({ savedAs }) }),
    key: (event) =>
      event.kind === 'partial' && (event.finding !== '' || event.sections.length > 0) ? 'partial' : undefined,
    keep: (result, plan) => services.keep(result, plan),
    notKept: 'The result is shown, but it could not be kept for the next start. Save it, or export it.',
    afterFailure: (error, _shown, run) => {
      const kept = steps.get(run) ?? 0;
      return kept > 0 && (isCancelled(error) || isRestart(error)) ? ` ${stepsKept(kept)}` : '';
    },
    outlasts: 'What is shown is kept, and the steps that are done.',
  });
}
