/** Where gradients of the metric are taken, and what is differentiated there. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import type { Objective } from '../../model-runner/gradients';
import { logSumOf, type ReadoutTarget } from '../../model-runner/readout';
import type { AskedRow } from '../../model-runner/run-request';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { Pair } from '../effects/pairs';
import type { Subject } from '../effects/subjects';
import { embeddingLine } from './embedding-line';
import { isLinear, slopeOf } from './slope';

export interface Attributed extends Pick<Subject, 'sequence' | 'asked' | 'right' | 'embedding'> {
  /** Where outputs are compared with those of a counterpart. */
  readonly pair?: Pair;
}

export interface GradientSettings {
  readonly metric: Exclude<EffectMetric, 'accuracy'>;
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
  for (let step = 0; step < steps; step++) yield { point: await line.at(step, steps), share: 1 / steps };
}

/** What stands for the metric at a point: a sum that has the metric's slope there. */
export async function objectiveAt(
  model: ModelRunner,
  point: Sequence,
  { asked: [question], right, embedding }: Attributed,
  { metric, variant }: Omit<GradientSettings, 'steps'>,
): Promise<Objective> {
  if (!question) throw new RangeError('nothing is asked of the prompt');
  const { readout, facts } = model;
  if (metric === 'similarity') {
    if (!readout || !embedding) throw new RangeError('a similarity is to an embedding');
    return { kind: 'stream', weights: await readout.slope(point, variant, { kind: 'similarity', other: embedding }) };
  }
  if (readout?.labels && !facts.predicts) {
    const [[...rows] = []] = await readout.logits(point, [variant]);
    const logits = [...((readout.labels.of === 'text' ? rows[0] : rows[question.row]) ?? [])];
    const terms = labelTerms(metric, question, logits, right);
    return { kind: 'stream', weights: await readout.slope(point, variant, { kind: 'labels', terms }) };
  }
  const { row, tokens } = question;
  const [[answer] = []] = isLinear(metric) ? [] : await model.answers(point, [question], [variant]);
  const slope = slopeOf(metric, answer ?? { logits: tokens.map(() => 0), logSumExp: 0 }, right);
  return {
    kind: 'logits',
    terms: tokens.map((token, at) => ({ row, token, weight: slope.logits[at] ?? 0 })),
    ...(slope.logSum === 0 ? {} : { logSums: [{ row, weight: slope.logSum }] }),
  };
}

/** The slope of the metric with respect to every label: that of ln sum e^l is the share of each. */
function labelTerms(
  metric: Exclude<EffectMetric, 'accuracy' | 'similarity'>,
  { row, tokens }: AskedRow,
  logits: readonly number[],
  right: number,
): Extract<ReadoutTarget, { kind: 'labels' }>['terms'] {
  const logSumExp = logSumOf(logits);
  const slope = slopeOf(metric, { logits: tokens.map((label) => logits[label] ?? Number.NaN), logSumExp }, right);
  return [
    ...tokens.map((label, at) => ({ row, label, weight: slope.logits[at] ?? 0 })),
    ...(slope.logSum === 0
      ? []
      : logits.map((logit, label) => ({ row, label, weight: slope.logSum * Math.exp(logit - logSumExp) }))),
  ];
}
