/** Score bias: a number added to the scores of a head on the keys of a group, before softmax (after soft capping). Neutral 0. */
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { add } from '../../../kernels/graph/operators/elementwise';
import { unsqueeze } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { flag } from './fed-rows';
import { changeKind, neutral, never } from './kind';

/** On the keys of a named group of the run. */
export interface GroupChange {
  readonly layer: number;
  readonly head: number;
  readonly group: string;
  readonly value: number;
}

/** Where several name one head and group, their values add up. */
export interface BiasChange extends GroupChange {
  readonly kind: 'bias';
}

export interface ScoreBias {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** [b, h, groups] */
  readonly bias: Value;
}

export const groupProblem = ({ group, value }: GroupChange, groups: readonly string[]): string | undefined => {
  if (!groups.includes(group)) return `There is no key group "${group}" in this run.`;
  return Number.isFinite(value) ? undefined : `The value for group "${group}" is ${value}; give a finite number.`;
};

export const bias = changeKind<BiasChange>()({
  kind: 'bias',
  parts: ['bias'],
  ofAttention: true,
  problem: (change, _, groups) => groupProblem(change, groups),
  declare: (graph, { heads }, { always }): ScoreBias => ({
    ...(always ? {} : { inUse: graph.input('use_score_bias', 'bool', []) }),
    bias: graph.input('score_bias', 'float32', ['b', heads, 'groups']),
  }),
  feeds(changes, { heads }, { groups }, { always }) {
    const used = changes.some((own) => own.length > 0);
    const length = changes.length * heads * groups.length;
    const data = used ? new Float32Array(length) : neutral(0, length);
    changes.forEach((own, v) => {
      for (const { head, group, value } of own) {
        const at = (v * heads + head) * groups.length + groups.indexOf(group);
        data[at] = (data[at] ?? 0) + value;
      }
    });
    return {
      ...(always ? {} : { use_score_bias: flag(used) }),
      score_bias: { data, shape: [changes.length, heads, groups.length] },
    };
  },
  steps: never,
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
