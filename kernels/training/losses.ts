/** Losses that networks share. */
import { exponential, logarithm, multiply, subtract } from '../graph/operators/elementwise';
import { gatherElements, squeeze, unsqueeze } from '../graph/operators/layout';
import { reduceMax, reduceMean, reduceSum } from '../graph/operators/reduce';
import type { Value } from '../graph/records';

const everyAxis = ({ shape }: Value): readonly number[] => shape.map((_, axis) => axis);

/** -ln of the softmax of `logits` [..., v] at `targets` (int64, [...]), nats, [...]. */
export function surprisals(logits: Value, targets: Value): Value {
  const last = logits.shape.length - 1;
  const shifted = subtract(logits, reduceMax(logits, [last]));
  const all = logarithm(reduceSum(exponential(shifted), [last]));
  return squeeze(subtract(all, gatherElements(shifted, unsqueeze(targets, last), last)), last);
}

/** KL(p || q) of the softmaxes of two tables of logits [..., v], nats, [...]. */
export function divergences(p: Value, q: Value): Value {
  const last = p.shape.length - 1;
  const logs = (logits: Value): Value => {
    const shifted = subtract(logits, reduceMax(logits, [last]));
    return subtract(shifted, logarithm(reduceSum(exponential(shifted), [last])));
  };
  const own = logs(p);
  return squeeze(reduceSum(multiply(exponential(own), subtract(own, logs(q))), [last]), last);
}

/** Mean of `surprisals`. */
export function crossEntropy(logits: Value, targets: Value): Value {
  const each = surprisals(logits, targets);
  return reduceMean(each, everyAxis(each), false);
}

/** Mean of the squares of all numbers of a - b. */
export function meanSquare(a: Value, b: Value): Value {
  const difference = subtract(a, b);
  return reduceMean(multiply(difference, difference), everyAxis(difference), false);
}
