/**
 * Isolation: a number added to the scores of a head between chosen queries and chosen keys, before softmax (after soft capping and
 * uniform attention). Pairs are given as a sum of products: query column r [n] times key row r [t] times the bias of the head for r.
 * Neutral: bias 0.
 *
 * Regions are such columns and rows: 1 where the query is in the region, 1 where the key is in another one. A layer has this for
 * good in a graph of its own: the sum has the size of the scores.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add, multiply } from '../../../kernels/graph/operators/elementwise';
import { transpose, reshape } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';

export interface Isolation {
  /** [regions, n] */
  readonly queries: Value;
  /** [regions, t] */
  readonly keys: Value;
  /** [b, h, regions] */
  readonly bias: Value;
}

export const declareIsolation = (graph: GraphBuilder, heads: number, keys: string): Isolation => ({
  queries: graph.input('isolation_queries', 'float32', ['regions', 'n']),
  keys: graph.input('isolation_keys', 'float32', ['regions', keys]),
  bias: graph.input('isolation_bias', 'float32', ['b', heads, 'regions']),
});

/** Scores [b, h, n, t] with the biases of their pairs. */
export function isolatedScores({ queries, keys, bias }: Isolation, scores: Value): Value {
  const heads = bias.shape[1] ?? 1;
  const perQuery = multiply(reshape(bias, ['b', heads, 1, 'regions']), transpose(queries, [1, 0]));
  return add(scores, matmul(perQuery, keys));
}
