/**
 * Statistics of attention probabilities, computed inside the layer graph per chunk of queries while the probabilities of
 * that chunk exist: what leaves the runtime is [b, h, n, few] and never [b, h, n, t].
 *
 * - `statistics.mass` [b, h, n, columns]: probabilities x key_columns. A column of 0 and 1 gives the mass on a group of
 *   keys (first token, image tokens, a needle), a column of key positions the mean position read.
 * - `statistics.at` [b, h, n, picks]: probabilities at the keys named per query by key_picks [n, picks] (itself, the
 *   previous token, the token after an earlier occurrence, …). A query without such a key names key 0; the reader drops it.
 * - `statistics.entropy` [b, h, n]: -sum_j p_j ln p_j, in nats. From the scores s: with the largest score m and its
 *   probability p_m, the log of the normaliser is m - ln p_m, so entropy = m - ln p_m - sum_j p_j s_j: one product and one
 *   sum over the row instead of a logarithm of every probability.
 * - `statistics.largest` [b, h, n]: the largest probability of the row.
 * - `statistics.picture` [b, h, rows, columns]: query_blocks [rows, n] x probabilities x key_blocks [t, columns], the mass of
 *   blocks of queries on blocks of keys. The few rows of the chunk's blocks come first: a tenth of the work of columns first.
 * - `statistics.top_weight`, `statistics.top_key` [b, h, n, topKeys]: the keys read most.
 *
 * Each of the two parts sits in a branch (`If`) of its own: a run that does not ask for it pays nothing.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { borrow, conditional } from '../../kernels/graph/operators/conditional';
import { add, cast, logarithm, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { gatherElements, reshape } from '../../kernels/graph/operators/layout';
import { matmul } from '../../kernels/graph/operators/matrix';
import { reduceMax, reduceSum, topK } from '../../kernels/graph/operators/reduce';

/** Keys with weights reported for each query. */
export const topKeys = 4;

export const statisticInputs = [
  'use_statistics',
  'key_columns',
  'key_picks',
  'query_blocks',
  'key_blocks',
  'use_top_keys',
] as const;
export const statisticOutputs = [
  'statistics.mass',
  'statistics.at',
  'statistics.entropy',
  'statistics.largest',
  'statistics.picture',
] as const;
export const topKeyOutputs = ['statistics.top_weight', 'statistics.top_key'] as const;

/** Scores are the masked ones that softmax read; masked keys hold a large finite negative number, never -inf. */
export function addStatistics(graph: GraphBuilder, scores: Value, probabilities: Value, headGain: Value): void {
  const [batch = 1, heads = 1, queries = 1, keys = 1] = probabilities.shape;
  const wanted = graph.input('use_statistics', 'bool', []);
  const columns = graph.input('key_columns', 'float32', [keys, 'columns']);
  const picks = graph.input('key_picks', 'int64', [queries, 'picks']);
  const queryBlocks = graph.input('query_blocks', 'float32', ['block_rows', queries]);
  const keyBlocks = graph.input('key_blocks', 'float32', [keys, 'block_columns']);
  const values = conditional(
    wanted,
    (branch) => {
      const p = borrow(branch, probabilities);
      const s = borrow(branch, scores);
      const mass = matmul(p, borrow(branch, columns));
      // [b, h, n, picks]: the picks are the same for every head; adding zeros of [b, h, 1, 1] spreads them.
      const zeros = cast(multiply(reshape(borrow(branch, headGain), [batch, heads, 1, 1]), 0), 'int64');
      const spread = add(borrow(branch, picks), zeros);
      const at = gatherElements(p, spread, 3);
      const largest = reduceMax(p, [3], false);
      const logNormaliser = subtract(reduceMax(s, [3], false), logarithm(largest));
      const entropy = subtract(logNormaliser, reduceSum(multiply(p, s), [3], false));
      const picture = matmul(matmul(borrow(branch, queryBlocks), p), borrow(branch, keyBlocks));
      return [mass, at, entropy, largest, picture];
    },
    (branch) => [4, 4, 3, 3, 4].map((rank) => branch.constant('float32', Array<number>(rank).fill(0), [])),
    statisticOutputs,
  );
  for (const value of values) graph.output(value);
  const top = conditional(
    graph.input('use_top_keys', 'bool', []),
    (branch) => [...topK(borrow(branch, probabilities), topKeys)],
    (branch) => [branch.constant('float32', [0, 0, 0, 0], []), branch.constant('int64', [0, 0, 0, 0], [])],
    topKeyOutputs,
  );
  for (const value of top) graph.output(value);
}
