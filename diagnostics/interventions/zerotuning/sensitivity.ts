/**
 * What the target of a prompt changes by, per unit of ln gamma of one head at gamma 1, in nats: for all heads by one gradient, with
 * respect to a bias on the score of key 0 (`lever.ts`: gamma is e to the bias).
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { Objective } from '../../model-runner/gradients';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import type { PerHead } from '../../../protocol/results/heads';
import { logSum, type Answered, type Question } from '../../shared/labelled-heads/questions';
import { groupsOf } from './measure';
import type { ZeroTuningResult } from './result';

export async function sensitivityOf(
  model: ModelRunner,
  { sample, labels }: Question,
  {
    answer,
    target,
    variant,
  }: {
    /** The answer of the run without gamma. */
    readonly answer: Answered;
    readonly target: ZeroTuningResult['target'];
    readonly variant: Variant;
  },
): Promise<PerHead> {
  const sequence = { ...sequencePart(sample.prompt), groups: groupsOf(sample.prompt) };
  const row = sequence.ids.length - 1;
  let objective: Objective;
  if (target === 'entropy') {
    const { logits } = await model.run({ ...sequence, variants: [variant], logits: 'last' });
    if (!(logits?.data instanceof Float32Array)) throw new RangeError('the model has no language head');
    objective = {
      kind: 'logits',
      terms: [...entropySlope(logits.data)].map((weight, token) => ({ row, token, weight })),
    };
  } else {
    const right = answer.logits.slice(0, answer.right);
    const total = logSum(right);
    objective = {
      kind: 'logits',
      terms: right.map((logit, at) => ({ row, token: labels[at] ?? 0, weight: Math.exp(logit - total) })),
      logSums: [{ row, weight: -1 }],
    };
  }
  const { layers } = await model.gradients({ ...sequence, variant, objective, scoreBiases: true });
  const groups = sequence.groups.length;
  return layers.map(({ scoreBiases = new Float32Array(0) }) =>
    // The group of token 0 is the last one.
    Array.from({ length: scoreBiases.length / groups }, (_, head) => scoreBiases[(head + 1) * groups - 1] ?? 0),
  );
}

/** d(-H)/dz_i = p_i (ln p_i + H), of the entropy H of softmax(z). */
function entropySlope(logits: Float32Array): Float64Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const total = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  const logs = Float64Array.from(logits, (logit) => logit - total);
  const entropy = -logs.reduce((sum, log) => sum + Math.exp(log) * log, 0);
  return logs.map((log) => Math.exp(log) * (log + entropy));
}
