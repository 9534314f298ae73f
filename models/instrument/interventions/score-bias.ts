/** Score bias: a number added to the scores of a head on the keys of a group, before softmax (after soft capping). Neutral 0. */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { add } from '../../../kernels/graph/operators/elementwise';
import { unsqueeze } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';

export interface ScoreBias {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** [b, h, groups] */
  readonly bias: Value;
}

export const declareScoreBias = (graph: GraphBuilder, heads: number, always: boolean): ScoreBias => ({
  ...(always ? {} : { inUse: graph.input('use_score_bias', 'bool', []) }),
  bias: graph.input('score_bias', 'float32', ['b', heads, 'groups']),
});

/**
 * Scores [b, h, n, t] by `score`, with the bias of each key's groups (`keyGroups` [groups, t]) when it is in use. The scores
 * are computed inside the branches: a branch that only passed them on would copy the whole matrix.
 */
export function biasedScores(
  { inUse, bias }: ScoreBias,
  keyGroups: Value,
  score: (operand: (value: Value) => Value) => Value,
): Value {
  const [scores] = conditionalOrAlways(
    bias.graph,
    inUse,
    (branch) => {
      const plain = score((value) => borrow(branch, value));
      // [b, h, groups] x [groups, t]
      const perKey = matmul(borrow(branch, bias), borrow(branch, keyGroups));
      return [add(plain, unsqueeze(perKey, 2))];
    },
    (branch) => [score((value) => borrow(branch, value))],
  );
  if (!scores) throw new Error('unreachable: the conditional gives one value');
  return scores;
}
