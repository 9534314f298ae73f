/**
 * The metric as a gradient sees it: its slope with respect to the logits l of the answers and to L, the ln of the sum of e^l over
 * the vocabulary. With p = e^(l - L), P the sum of p over the right and Q over the wrong answers:
 *
 *   logit difference        1/right, -1/wrong; L 0
 *   probability             p of the right; L -P
 *   probability difference  p of the right, -p of the wrong; L -(P - Q)
 *   logit                   1/right; L 0
 *   loss                    -p/P of the right; L 1
 */
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import type { RowAnswer } from '../../model-runner/run-request';

export interface Slope {
  /** By answer, right ones first. */
  readonly logits: readonly number[];
  readonly logSum: number;
}

/** Whether the slope is the same whatever the model answers. */
export const isLinear = (metric: EffectMetric): boolean => metric === 'logit-difference' || metric === 'logit';

export function slopeOf(
  metric: Exclude<EffectMetric, 'accuracy' | 'similarity'>,
  { logits, logSumExp }: Pick<RowAnswer, 'logits' | 'logSumExp'>,
  right: number,
): Slope {
  const isRight = (at: number): boolean => at < right;
  const probabilities = logits.map((logit) => Math.exp(logit - logSumExp));
  const signed = probabilities.map((share, at) =>
    isRight(at) ? share : metric === 'probability-difference' ? -share : 0,
  );
  switch (metric) {
    case 'logit-difference':
      return { logits: logits.map((_, at) => (isRight(at) ? 1 / right : -1 / (logits.length - right))), logSum: 0 };
    case 'logit':
      return { logits: logits.map((_, at) => (isRight(at) ? 1 / right : 0)), logSum: 0 };
    case 'probability':
    case 'probability-difference':
      return { logits: signed, logSum: -signed.reduce((sum, share) => sum + share, 0) };
    case 'loss': {
      // Shares of the right answers among each other, without the way through probabilities that may be 0 in float64.
      const largest = Math.max(...logits.slice(0, right));
      const weights = logits.map((logit, at) => (isRight(at) ? Math.exp(logit - largest) : 0));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      return { logits: weights.map((weight) => (weight === 0 ? 0 : -weight / sum)), logSum: 1 };
    }
  }
}
