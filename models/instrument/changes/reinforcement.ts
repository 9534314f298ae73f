/**
 * Vision-aware head reinforcement (VHR) inside the layer graph: arXiv 2412.13949, equations 4, 6 and 7.
 *
 * The head outputs of a run without the span (an image, a document), at the position that predicts the next token, enter as
 * `reinforcement_text`. The graph compares them with its own outputs at the last of its queries, sets outliers to 0, selects
 * the heads strictly above the lower median and scales them by alpha for all its queries: at once, so that deeper layers see
 * the change. The definitions are those of diagnostics/shared/divergence/divergence.ts, in float32.
 *
 * The person's own gains act first: what is compared are outputs with them.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import type { Value } from '../../../kernels/graph/records';
import { borrow, conditional } from '../../../kernels/graph/operators/conditional';
import {
  add,
  and,
  divide,
  equal,
  greater,
  maximum,
  multiply,
  or,
  squareRoot,
  subtract,
  where,
} from '../../../kernels/graph/operators/elementwise';
import { gather, reshape, slice } from '../../../kernels/graph/operators/layout';
import { reduceMean, reduceSum, topK } from '../../../kernels/graph/operators/reduce';
import { flag, int32, reinforcementDistances, reinforcementRules, type FedRows, type GraphInput } from './fed-rows';
import { neutral } from './kind';
import type { LayerSizes } from './sizes';

export const reinforcementOutputs = [
  'reinforcement.gain',
  'reinforcement.selected',
  'reinforcement.divergence',
  'reinforcement.outlier',
] as const;

/** Equal to the constants of diagnostics/shared/divergence/divergence.ts, a room that this one may not import. */
const smallestNorm = 1e-6;
const releaseGuard = 1;
const roundingShare = 1e-5;

export interface ReinforcementInputs {
  readonly use: Value;
  /** Head outputs without the span, [b, h, d]. */
  readonly text: Value;
  /** [b] */
  readonly alpha: Value;
  /** Index into reinforcementDistances. */
  readonly distance: Value;
  /** Index into reinforcementRules. */
  readonly rule: Value;
}

export const declareReinforcement = (graph: GraphBuilder, { heads, headDim }: LayerSizes): ReinforcementInputs => ({
  use: graph.input('use_reinforcement', 'bool', []),
  text: graph.input('reinforcement_text', 'float32', ['b', heads, headDim]),
  alpha: graph.input('reinforcement_alpha', 'float32', ['b']),
  distance: graph.input('reinforcement_distance', 'int32', []),
  rule: graph.input('reinforcement_rule', 'int32', []),
});

export function reinforcementFeeds(
  batch: number,
  { index, heads, headDim }: LayerSizes,
  { reinforcement }: FedRows,
): Record<string, GraphInput> {
  const text = reinforcement?.text.get(index);
  const width = heads * headDim;
  let rows = neutral(0, batch * width);
  if (text) {
    rows = new Float32Array(batch * width);
    for (let v = 0; v < batch; v++) rows.set(text, v * width);
  }
  return {
    use_reinforcement: flag(text !== undefined),
    reinforcement_text: { data: rows, shape: [batch, heads, headDim] },
    reinforcement_alpha: {
      data: text && reinforcement ? new Float32Array(batch).fill(reinforcement.alpha) : neutral(1, batch),
      shape: [batch],
    },
    reinforcement_distance: int32([reinforcementDistances.indexOf(reinforcement?.distance ?? 'l2')], []),
    reinforcement_rule: int32([reinforcementRules.indexOf(reinforcement?.rule ?? 'off')], []),
  };
}

/** The gains of the heads [b, h]: `gain`, times alpha for the heads that are selected. `output` is [b, h, n, d] before gains. */
export function reinforcedGain(graph: GraphBuilder, inputs: ReinforcementInputs, output: Value, gain: Value): Value {
  const values = conditional(
    inputs.use,
    (branch) => {
      const taken = (value: Value): Value => borrow(branch, value);
      const heads = Number(output.shape[1] ?? 1);
      const column = reshape(taken(gain), ['b', heads, 1]);
      const last = gather(taken(output), branch.constant('int64', [], [-1]), 2);
      const own = multiply(last, column);
      const { divergence, kept, outlier } = measure(branch, inputs, own, heads);
      const middle = Math.floor((heads - 1) / 2);
      const median = slice(topK(kept, middle + 1, 1, false)[0], 1, middle, middle + 1);
      const alpha = reshape(taken(inputs.alpha), ['b', 1]);
      const selected = greater(kept, median);
      return [multiply(taken(gain), where(selected, alpha, 1)), selected, divergence, outlier];
    },
    (branch) => {
      const none = branch.constant('bool', [0, 0], []);
      return [borrow(branch, gain), none, branch.constant('float32', [0, 0], []), none];
    },
    reinforcementOutputs,
  );
  for (const value of values) graph.output(value);
  const [total] = values;
  if (!total) throw new Error('unreachable: the conditional gives four values');
  return total;
}

/** Divergence [b, h] in units of the distance, the same with outliers at 0, and which are outliers. */
function measure(
  branch: GraphBuilder,
  inputs: ReinforcementInputs,
  own: Value,
  heads: number,
): { readonly divergence: Value; readonly kept: Value; readonly outlier: Value } {
  const text = borrow(branch, inputs.text);
  const sum = (x: Value): Value => reduceSum(x, [2], false);
  const difference = subtract(own, text);
  const away = sum(multiply(difference, difference));
  const energy = sum(multiply(text, text));
  const ownEnergy = sum(multiply(own, own));
  const rounding = multiply(maximum(ownEnergy, energy), roundingShare ** 2);
  const squared = where(greater(away, rounding), away, 0);
  const l2 = squareRoot(squared);
  const relative = divide(l2, maximum(squareRoot(energy), smallestNorm));
  const product = divide(
    sum(multiply(own, text)),
    maximum(multiply(squareRoot(ownEnergy), squareRoot(energy)), smallestNorm ** 2),
  );
  const cosine = where(greater(squared, 0), subtract(1, product), 0);
  const is = (value: Value, index: number): Value =>
    equal(borrow(branch, value), branch.constant('int32', [], [index]));
  const distance = (name: (typeof reinforcementDistances)[number]): Value =>
    is(inputs.distance, reinforcementDistances.indexOf(name));
  const divergence = where(
    distance('l2'),
    l2,
    where(distance('squared'), squared, where(distance('relative'), relative, cosine)),
  );
  const spread = (x: Value, less: 0 | 1): { readonly mean: Value; readonly deviation: Value } => {
    const middle = reduceMean(x, [1]);
    const centred = subtract(x, middle);
    const variance = divide(reduceSum(multiply(centred, centred), [1]), Math.max(heads - less, 1));
    return { mean: middle, deviation: squareRoot(variance) };
  };
  const above = (x: Value, less: 0 | 1): Value => {
    const { mean, deviation } = spread(x, less);
    return greater(x, add(mean, deviation));
  };
  const paper = and(above(divergence, 0), above(energy, 0));
  const release = and(
    and(above(squared, 1), above(energy, 1)),
    greater(spread(squared, 1).deviation, branch.constant('float32', [], [releaseGuard])),
  );
  const rule = (name: (typeof reinforcementRules)[number]): Value => is(inputs.rule, reinforcementRules.indexOf(name));
  const outlier = or(and(rule('paper'), paper), and(rule('release'), release));
  return { divergence, outlier, kept: where(outlier, 0, divergence) };
}
