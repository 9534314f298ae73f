/** Where gradients of the metric are taken, and what is differentiated there. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { TaskMetric } from '../../../protocol/analysis/tasks';
import type { Objective } from '../../model-runner/gradients';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { Pair } from '../effects/pairs';
import type { Subject } from '../effects/subjects';
import { embeddingLine } from './embedding-line';
import { isLinear, slopeOf } from './slope';

export interface Attributed extends Pick<Subject, 'sequence' | 'asked' | 'right'> {
  /** Where outputs are compared with those of a counterpart. */
  readonly pair?: Pair;
}

export interface GradientSettings {
  readonly metric: Exclude<TaskMetric, 'accuracy'>;
  readonly variant: Variant;
  /** Gradients on the line to the counterpart; 0: the one at the prompt. */
  readonly steps: number;
}

/** Where gradients are taken, and the share of each in their mean. */
export async function* pointsOf(
  model: ModelRunner,
  { sequence, pair }: Attributed,
  { steps }: Pick<GradientSettings, 'steps'>,
): AsyncGenerator<{ readonly point: Sequence; readonly share: number }> {
  if (!pair || steps === 0) {
    yield { point: sequence, share: 1 };
    return;
  }
  const line = await embeddingLine(model, pair.corrupted, sequence);
  for (let step = 0; step < steps; step++) yield { point: line.at(step, steps), share: 1 / steps };
}

/** What stands for the metric at a point: a sum that has the metric's slope there. */
export async function objectiveAt(
  model: ModelRunner,
  point: Sequence,
  { asked: [question], right }: Attributed,
  { metric, variant }: Omit<GradientSettings, 'steps'>,
): Promise<Objective> {
  if (!question) throw new RangeError('nothing is asked of the prompt');
  const { row, tokens } = question;
  const [[answer] = []] = isLinear(metric) ? [] : await model.answers(point, [question], [variant]);
  const slope = slopeOf(metric, answer ?? { logits: tokens.map(() => 0), logSumExp: 0 }, right);
  return {
    kind: 'logits',
    terms: tokens.map((token, at) => ({ row, token, weight: slope.logits[at] ?? 0 })),
    ...(slope.logSum === 0 ? {} : { logSums: [{ row, weight: slope.logSum }] }),
  };
}
