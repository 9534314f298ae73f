/** Group weight: a factor on the probabilities of a head on the keys of a group, after softmax, renormalised to 1. Neutral 1. */
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { divide, multiply } from '../../../kernels/graph/operators/elementwise';
import { unsqueeze } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { headOutput, repeatHeads, type HeadCounts } from '../grouped-heads';
import { groupProblem, type GroupChange } from './bias';
import { flag } from './fed-rows';
import { scale } from './gain';
import { changeKind, neutral, never } from './kind';

/** Where several name one head and group, their values multiply. */
export interface WeightChange extends GroupChange {
  readonly kind: 'weight';
}

export interface GroupWeight {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** [b, h, groups] */
  readonly weight: Value;
}

export const weight = changeKind<WeightChange>()({
  kind: 'weight',
  parts: ['weight'],
  ofAttention: true,
  problem: (change, _, groups) =>
    groupProblem(change, groups) ??
    (change.value < 0 ? `The weight of group "${change.group}" is negative. Give 0 or more.` : undefined),
  declare: (graph, { heads }, { always }): GroupWeight => ({
    ...(always ? {} : { inUse: graph.input('use_group_weight', 'bool', []) }),
    weight: graph.input('group_weight', 'float32', ['b', heads, 'groups']),
  }),
  feeds(changes, { heads }, { groups }, { always }) {
    const used = changes.some((own) => own.length > 0);
    const plain = neutral(1, changes.length * heads * groups.length);
    const data = used ? plain.slice() : plain;
    changes.forEach((own, v) =>
      own.forEach(({ head, group, value }) =>
        scale(data, (v * heads + head) * groups.length + groups.indexOf(group), value),
      ),
    );
    return {
      ...(always ? {} : { use_group_weight: flag(used) }),
      group_weight: { data, shape: [changes.length, heads, groups.length] },
    };
  },
  steps: never,
});

/**
 * probabilities x value -> [b, h, n, d]; with group weights w the probabilities are p_j w_j / sum_j p_j w_j, where w_j is the
 * product over the groups of key j (`keyGroups` [groups, t]) of the group's weight, at least e^-30: a row whose keys are all
 * removed stays as it was. Computed by scaling the values and dividing by the reweighted sum, so that no second matrix of the
 * size of the probabilities exists.
 */
export function weighValues(
  { inUse, weight: perGroup }: GroupWeight,
  keyGroups: Value,
  probabilities: Value,
  value: Value,
  counts: HeadCounts,
): Value {
  const keys = probabilities.shape[3] ?? 1;
  const shape = ['b', counts.heads, 'groups'];
  const [output] = conditionalOrAlways(
    perGroup.graph,
    inUse,
    (branch) => {
      const logWeight = branch.node('Log', [borrow(branch, perGroup)], [{ type: 'float32', shape }])[0];
      // A weight of 0 has the logarithm -inf, and -inf * 0 is NaN for the keys outside the group. Held at -30 it is a factor of
      // 1e-13: nothing in float32 beside any other key, while a row that reads only such keys is renormalised to itself.
      const finite = branch.node(
        'Max',
        [logWeight, branch.constant('float32', [], [-30])],
        [{ type: 'float32', shape }],
      )[0];
      const perKey = branch.node(
        'Exp',
        [matmul(finite, borrow(branch, keyGroups))],
        [{ type: 'float32', shape: ['b', counts.heads, keys] }],
      )[0];
      const column = unsqueeze(perKey, 3);
      const repeated = repeatHeads(branch, borrow(branch, value), counts);
      const weighed = matmul(borrow(branch, probabilities), multiply(repeated, column));
      return [divide(weighed, matmul(borrow(branch, probabilities), column))];
    },
    (branch) => [headOutput(borrow(branch, probabilities), borrow(branch, value), counts)],
    ['attention.weighed_values'],
  );
  if (!output) throw new Error('unreachable: the conditional gives one value');
  return output;
}
