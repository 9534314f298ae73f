/**
 * Interventions are inputs of the layer graph with neutral values, so that one opened session serves the plain run and
 * every experiment.
 *
 * With all inputs neutral the instrumented graph computes the very same numbers as the plain one: a gain of 1 multiplies
 * exactly, and everything else sits in branches (`If`) that are not taken; their inputs may then be empty.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { borrow, conditional } from '../../kernels/graph/operators/conditional';
import { add, divide, multiply, where } from '../../kernels/graph/operators/elementwise';
import { reshape, unsqueeze } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { declareReinforcement, reinforcedGain, type ReinforcementInputs } from './reinforcement';

/** Names of the inputs; shapes as in `declareInterventions`. */
export const interventionInputs = [
  'head_gain',
  'use_reinforcement',
  'reinforcement_text',
  'reinforcement_alpha',
  'reinforcement_distance',
  'reinforcement_rule',
  'key_groups',
  'use_score_bias',
  'score_bias',
  'use_group_weight',
  'group_weight',
  'use_head_replacement',
  'replace_heads',
  'head_replacement',
  'use_mlp_replacement',
  'replace_mlp',
  'mlp_replacement',
  'use_residual_replacement',
  'replace_residual',
  'residual_replacement',
] as const;

export interface Interventions {
  /** Factor on each head's output before the output projection, [b, h]. Neutral 1. */
  readonly headGain: Value;
  /** Gains that the graph chooses itself; neutral: not in use. */
  readonly reinforcement: ReinforcementInputs;
  /** 1 where key j belongs to group i, [groups, t]. */
  readonly keyGroups: Value;
  readonly useScoreBias: Value;
  /** Added to the scores of a head on the keys of a group, before softmax, [b, h, groups]. */
  readonly scoreBias: Value;
  readonly useGroupWeight: Value;
  /** Factor on the probabilities of a head on the keys of a group, after softmax, then renormalised to 1, [b, h, groups]. */
  readonly groupWeight: Value;
  /** Of the outputs of heads, [b, h, r, 1] and [b, h, r, d]; r is n where it is in use, else may be 0. */
  readonly heads: Replacement;
  /** Of what the feed-forward network adds, [b, r, 1] and [b, r, w]. */
  readonly mlp: Replacement;
  /** Of the residual that leaves the layer, [b, r, 1] and [b, r, w]. */
  readonly residual: Replacement;
}

export interface Replacement {
  readonly inUse: Value;
  /** Where true, the value is the replacement. */
  readonly where: Value;
  readonly by: Value;
}

export function declareInterventions(
  graph: GraphBuilder,
  sizes: { readonly heads: number; readonly headDim: number; readonly hiddenSize: number; readonly keys: string },
): Interventions {
  const { heads, headDim, hiddenSize, keys } = sizes;
  return {
    headGain: graph.input('head_gain', 'float32', ['b', heads]),
    reinforcement: declareReinforcement(graph, heads, headDim),
    keyGroups: graph.input('key_groups', 'float32', ['groups', keys]),
    useScoreBias: graph.input('use_score_bias', 'bool', []),
    scoreBias: graph.input('score_bias', 'float32', ['b', heads, 'groups']),
    useGroupWeight: graph.input('use_group_weight', 'bool', []),
    groupWeight: graph.input('group_weight', 'float32', ['b', heads, 'groups']),
    heads: {
      inUse: graph.input('use_head_replacement', 'bool', []),
      where: graph.input('replace_heads', 'bool', ['b', heads, 'r', 1]),
      by: graph.input('head_replacement', 'float32', ['b', heads, 'r', headDim]),
    },
    mlp: {
      inUse: graph.input('use_mlp_replacement', 'bool', []),
      where: graph.input('replace_mlp', 'bool', ['b', 'r', 1]),
      by: graph.input('mlp_replacement', 'float32', ['b', 'r', hiddenSize]),
    },
    residual: {
      inUse: graph.input('use_residual_replacement', 'bool', []),
      where: graph.input('replace_residual', 'bool', ['b', 'r', 1]),
      by: graph.input('residual_replacement', 'float32', ['b', 'r', hiddenSize]),
    },
  };
}

/**
 * Scores [b, h, n, t] by `score`, with the head's bias on the group of each key added when it is in use. The scores are
 * computed inside the branches: a branch that only handed them on would copy the whole matrix.
 */
export function biasedScores(interventions: Interventions, score: (operand: (value: Value) => Value) => Value): Value {
  const [scores] = conditional(
    interventions.useScoreBias,
    (branch) => {
      const plain = score((value) => borrow(branch, value));
      // [b, h, groups] x [groups, t]
      const bias = matmul(borrow(branch, interventions.scoreBias), borrow(branch, interventions.keyGroups));
      return [add(plain, unsqueeze(bias, 2))];
    },
    (branch) => [score((value) => borrow(branch, value))],
    ['attention.scores'],
  );
  if (!scores) throw new Error('unreachable: the conditional gives one value');
  return scores;
}

/**
 * probabilities x value -> [b, h, n, d]; with group weights w the probabilities are p_j w_j / sum_j p_j w_j, where w_j is the
 * product over the groups of key j of the group's weight (at least e^-30: a row whose keys are all removed stays as it was).
 * Computed by scaling the values and dividing by the reweighted sum,
 * so that no second matrix of the size of the probabilities exists.
 */
export function weighValues(
  interventions: Interventions,
  probabilities: Value,
  value: Value,
  sizes: { readonly heads: number; readonly kvHeads: number; readonly headDim: number },
): Value {
  const keys = probabilities.shape[3] ?? 1;
  const [output] = conditional(
    interventions.useGroupWeight,
    (branch) => {
      const logWeight = branch.node(
        'Log',
        [borrow(branch, interventions.groupWeight)],
        [{ type: 'float32', shape: ['b', sizes.heads, 'groups'] }],
      )[0];
      // A weight of 0 has the logarithm -inf, and -inf * 0 is NaN for the keys outside the group. Held at -30 it is a factor of
      // 1e-13: nothing in float32 beside any other key, while a row that reads only such keys is renormalised to itself.
      const finite = branch.node(
        'Max',
        [logWeight, branch.constant('float32', [], [-30])],
        [{ type: 'float32', shape: ['b', sizes.heads, 'groups'] }],
      )[0];
      const perKey = branch.node(
        'Exp',
        [matmul(finite, borrow(branch, interventions.keyGroups))],
        [{ type: 'float32', shape: ['b', sizes.heads, keys] }],
      )[0];
      const column = unsqueeze(perKey, 3);
      const repeated = repeatHeads(branch, borrow(branch, value), sizes);
      const weighed = matmul(borrow(branch, probabilities), multiply(repeated, column));
      const total = matmul(borrow(branch, probabilities), column);
      return [divide(weighed, total)];
    },
    (branch) => [headOutput(borrow(branch, probabilities), borrow(branch, value), sizes)],
    ['attention.weighed_values'],
  );
  if (!output) throw new Error('unreachable: the conditional gives one value');
  return output;
}

/** probabilities [b, h, n, t] x value [b, g, t, d] without copying the values of shared heads. */
export function headOutput(
  probabilities: Value,
  value: Value,
  sizes: { readonly heads: number; readonly kvHeads: number; readonly headDim: number },
): Value {
  const rows = sizes.heads / sizes.kvHeads;
  if (rows === 1) return matmul(probabilities, value);
  const grouped = groupQueries(probabilities, sizes);
  return ungroupQueries(matmul(grouped, value), sizes);
}

/** query [b, h, n, d] x key [b, g, t, d] -> [b, h, n, t] without copying the keys of shared heads. */
export function scoreKeys(
  query: Value,
  key: Value,
  scale: number,
  sizes: { readonly heads: number; readonly kvHeads: number },
): Value {
  if (sizes.heads === sizes.kvHeads) return fusedMatmul(query, key, { transposeB: true, scale });
  return ungroupQueries(fusedMatmul(groupQueries(query, sizes), key, { transposeB: true, scale }), sizes);
}

/** [b, h, n, x] -> [b, g, (h/g) n, x]: heads that share a key/value head lie side by side, so this only renames axes. */
function groupQueries(x: Value, sizes: { readonly heads: number; readonly kvHeads: number }): Value {
  const perGroup = sizes.heads / sizes.kvHeads;
  return reshape(x, ['b', sizes.kvHeads, `${perGroup}*n`, x.shape[3] ?? 1]);
}

function ungroupQueries(x: Value, sizes: { readonly heads: number }): Value {
  return reshape(x, ['b', sizes.heads, 'n', x.shape[3] ?? 1]);
}

/** [b, g, t, d] -> [b, h, t, d] */
function repeatHeads(
  graph: GraphBuilder,
  value: Value,
  sizes: { readonly heads: number; readonly kvHeads: number },
): Value {
  if (sizes.heads === sizes.kvHeads) return value;
  const perGroup = sizes.heads / sizes.kvHeads;
  const index = Array.from({ length: sizes.heads }, (_, head) => Math.floor(head / perGroup));
  return graph.node(
    'Gather',
    [value, graph.constant('int64', [sizes.heads], index)],
    [{ type: 'float32', shape: [value.shape[0] ?? 1, sizes.heads, ...value.shape.slice(2)] }],
    { axis: { kind: 'int', value: 1 } },
  )[0];
}

/** Gain, then replacement, of the head outputs [b, h, n, d]. */
export function interveneOnHeads(
  graph: GraphBuilder,
  { headGain, heads, reinforcement }: Interventions,
  output: Value,
  name: string,
): Value {
  const count = output.shape[1] ?? 1;
  const gain = reinforcedGain(graph, reinforcement, output, headGain);
  return replaced(heads, (operand) => multiply(operand(output), reshape(operand(gain), ['b', count, 1, 1])), name);
}

/**
 * What `compute` gives, replaced where that is asked for. It is computed inside the branches: a branch that only handed it on
 * would copy it.
 */
export function replaced(
  replacement: Replacement,
  compute: (operand: (value: Value) => Value) => Value,
  name: string,
): Value {
  const [output] = conditional(
    replacement.inUse,
    (branch) => {
      const computed = compute((value) => borrow(branch, value));
      const rows = (value: Value): Value => {
        const shape = [...computed.shape.slice(0, -1), value.shape.at(-1) ?? 1];
        return { ...borrow(branch, value), shape };
      };
      return [where(rows(replacement.where), rows(replacement.by), computed)];
    },
    (branch) => [compute((value) => borrow(branch, value))],
    [name],
  );
  if (!output) throw new Error('unreachable: the conditional gives one value');
  return output;
}
