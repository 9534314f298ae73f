import { logarithm, subtract } from './operators/elementwise';
import { reduceMax } from './operators/reduce';
import type { Value } from './records';

/**
 * Logarithm of the sum of the exponentials of each row of scores, from their softmax: the largest probability is 1 / denominator,
 * and with the largest score it gives the logarithm of the whole denominator. The last axis becomes 1.
 */
export function logSumOf(scores: Value, probabilities: Value): Value {
  const last = scores.shape.length - 1;
  return subtract(reduceMax(scores, [last]), logarithm(reduceMax(probabilities, [last])));
}
