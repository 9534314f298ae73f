/**
 * Uniform attention: a head gives every key that a query may read the same probability, whatever it would have looked at. In
 * a causal model the output of query i is so the mean of the values 0..i (of its window, where it has one): the head is kept,
 * and what it chooses is taken from it. Neutral: no head.
 *
 * All scores of the head are 0 before the mask, so that softmax itself makes the row uniform. A score bias on the head has no
 * effect then; a group weight acts on the uniform probabilities.
 */
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { where } from '../../../kernels/graph/operators/elementwise';
import type { Value } from '../../../kernels/graph/records';
import { flag } from './fed-rows';
import { always as everywhere, changeKind } from './kind';

export interface UniformChange {
  readonly kind: 'uniform';
  readonly layer: number;
  readonly head: number;
}

export const uniformHeads = (
  heads: readonly { readonly layer: number; readonly head: number }[],
): readonly UniformChange[] => heads.map(({ layer, head }) => ({ kind: 'uniform', layer, head }));

export interface UniformAttention {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** True for the heads, [b, h, 1, 1]. */
  readonly heads: Value;
}

export const uniform = changeKind<UniformChange>()({
  kind: 'uniform',
  parts: ['uniform'],
  ofAttention: true,
  declare: (graph, { heads }, { always }): UniformAttention => ({
    ...(always ? {} : { inUse: graph.input('use_uniform_attention', 'bool', []) }),
    heads: graph.input('uniform_heads', 'bool', ['b', heads, 1, 1]),
  }),
  feeds(changes, { heads }, _, { always }) {
    const data = new Uint8Array(changes.length * heads);
    changes.forEach((own, v) => own.forEach(({ head }) => (data[v * heads + head] = 1)));
    return {
      ...(always ? {} : { use_uniform_attention: flag(data.includes(1)) }),
      uniform_heads: { data, shape: [changes.length, heads, 1, 1] },
    };
  },
  steps: everywhere,
  /** The factor on query x key: 0 makes every score the same. */
  stepFeeds(changes, { heads, scale }) {
    const data = new Float32Array(heads).fill(scale);
    for (const { head } of changes) data[head] = 0;
    return { query_factor: { data, shape: [heads, 1] } };
  },
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
