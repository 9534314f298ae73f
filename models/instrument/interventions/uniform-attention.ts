/**
 * Uniform attention: a head gives every key that a query may read the same probability, whatever it would have looked at. In
 * a causal model the output of query i is so the mean of the values 0..i (of its window, where it has one): the head is kept,
 * and what it chooses is taken from it. Neutral: no head.
 *
 * All scores of the head are 0 before the mask, so that softmax itself makes the row uniform. A score bias on the head has no
 * effect then; a group weight acts on the uniform probabilities.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { where } from '../../../kernels/graph/operators/elementwise';
import type { Value } from '../../../kernels/graph/records';

export interface UniformAttention {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** True for the heads, [b, h, 1, 1]. */
  readonly heads: Value;
}

export const declareUniformAttention = (graph: GraphBuilder, heads: number, always: boolean): UniformAttention => ({
  ...(always ? {} : { inUse: graph.input('use_uniform_attention', 'bool', []) }),
  heads: graph.input('uniform_heads', 'bool', ['b', heads, 1, 1]),
});

/** Scores [b, h, n, t] before the mask, computed inside the branches as in `biasedScores`. */
export function uniformScores(
  { inUse, heads }: UniformAttention,
  score: (operand: (value: Value) => Value) => Value,
): Value {
  const [scores] = conditionalOrAlways(
    heads.graph,
    inUse,
    (branch) => {
      const plain = score((value) => borrow(branch, value));
      return [where(borrow(branch, heads), branch.constant('float32', [], [0]), plain)];
    },
    (branch) => [score((value) => borrow(branch, value))],
    ['attention.scores'],
  );
  if (!scores) throw new Error('unreachable: the conditional gives one value');
  return scores;
}
