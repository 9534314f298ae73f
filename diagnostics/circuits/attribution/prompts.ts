/** The prompts of a run, what each is compared with, and where values are estimated. */
import { columnsOf, type Column } from '../../shared/effects/columns';
import { sourcePair } from '../../shared/effects/encoder';
import { pairsOf } from '../../shared/effects/pairs';
import type { AnalysisJob } from '../../analysis';
import { subjectsOf } from '../../shared/effects/subjects';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import type { ModelRunner } from '../../model-runner/model-runner';
import { refusal } from '../../../protocol/wire/failures';
import type { AttributionParameters } from './parameters';
import type { Attributed } from '../../shared/gradients/objective';

export interface Attribution {
  readonly prompts: readonly Attributed[];
  readonly metric: Exclude<EffectMetric, 'accuracy'>;
  readonly columns: readonly Column[];
  /** Prompts without a counterpart of as many tokens, or of another layout than most. */
  readonly leftOut: number;
  readonly answers?: { readonly right: string; readonly wrong?: string };
}

export async function attributionOf(model: ModelRunner, job: AnalysisJob<AttributionParameters>): Promise<Attribution> {
  const { parameters, input } = job;
  if (parameters.baseline !== 'counterpart' && input.task) {
    const { subjects, metric } = await subjectsOf(model, job, parameters);
    return { prompts: subjects, metric: differentiable(metric), columns: [], leftOut: 0 };
  }
  const { pairs: all, metric, lacking, answers } = await pairsOf(model, job);
  const compared = parameters.baseline === 'counterpart';
  // Fails if the two sources do not have the same number of tokens.
  if (compared) for (const pair of all) if (pair.clean.source) sourcePair(model, pair);
  const { columns, pairs } = compared && parameters.positions ? columnsOf(all, 'usual') : { columns: [], pairs: all };
  return {
    prompts: pairs.map((pair) => ({ ...pair, sequence: pair.clean, ...(compared ? { pair } : {}) })),
    metric: differentiable(metric),
    columns,
    leftOut: lacking + all.length - pairs.length,
    ...(answers ? { answers } : {}),
  };
}

function differentiable(metric: EffectMetric): Exclude<EffectMetric, 'accuracy'> {
  if (metric === 'accuracy') throw refusal(noSlope);
  return metric;
}

export const noSlope =
  'Accuracy is right or wrong and has no gradient. Choose another metric, such as logit-difference or loss.';
