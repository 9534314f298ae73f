/** What a run that labels heads is given, and where it stands. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { AnalysisJob, Step } from '../../analysis';
import type { SourceRows } from '../../model-runner/sequence';

export interface LabelRun {
  /** What the run changes; it means the same on any sequence (`requireAnywhere`). */
  readonly variant: Variant;
  readonly seed: number;
  /** Random sequences behind the null model of each probe. */
  readonly nullSequences: number;
  readonly step: AnalysisJob<Record<never, never>>['step'];
  /** What a decoder with cross-attention reads beside every random sequence: the source of the prompt. */
  readonly source?: SourceRows | undefined;
}

/** Work is counted in tokens run. */
export type LabelStage = Pick<Step<never>, 'sentence' | 'done' | 'total'>;

/** Random sequences where nothing else is asked for. */
export const usualNullSequences = 6;
