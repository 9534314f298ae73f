import { logSumOf } from '../../diagnostics/model-runner/readout';
import type { RowAnswer } from '../../diagnostics/model-runner/run-request';

/** The labels of a row as an answer about the next token has it: over the labels in place of the vocabulary. */
export function labelAnswer(logits: Float64Array, labels: readonly number[]): RowAnswer {
  const logSumExp = logSumOf(logits);
  return {
    logits: labels.map((label) => logits[label] ?? Number.NaN),
    logSumExp,
    entropy: logits.reduce((sum, logit) => sum - Math.exp(logit - logSumExp) * (logit - logSumExp), 0),
    largest: logits.reduce((best, logit, at) => (logit > (logits[best] ?? -Infinity) ? at : best), 0),
  };
}
