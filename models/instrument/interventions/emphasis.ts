/**
 * Emphasis: scores z of chosen keys become z + c |z|, before softmax (after soft capping, before biases, isolation and the
 * causal mask: what hides a key is not turned round). Neutral: c = 0 adds 0. A layer has this for good in a graph of its own: the sum has the size of the scores.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add, absolute, multiply } from '../../../kernels/graph/operators/elementwise';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';

export interface EmphasisInputs {
  /** 1 where the set of keys is emphasised for the query, [n, sets]. */
  readonly rows: Value;
  /** c of each key of a set, [b, h, sets, t]. */
  readonly factor: Value;
}

export const declareEmphasis = (graph: GraphBuilder, heads: number, keys: string): EmphasisInputs => ({
  rows: graph.input('emphasis_rows', 'float32', ['n', 'sets']),
  factor: graph.input('emphasis_factor', 'float32', ['b', heads, 'sets', keys]),
});

/** Scores [b, h, n, t] with the emphasis of their rows. */
export const emphasised = ({ rows, factor }: EmphasisInputs, scores: Value): Value =>
  add(scores, multiply(absolute(scores), matmul(rows, factor)));
