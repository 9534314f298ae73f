/**
 * Statistics of attention probabilities, computed inside the layer graph per chunk of queries while the probabilities of
 * that chunk exist. What leaves the runtime is summed over the queries of the chunk: [b, h, few], never [b, h, n, t].
 *
 * - `statistics.mass` [b, h, segments, rows, columns]: the n queries are cut into segments of equal length r; in each,
 *   query_rows [segments, rows, r] x probabilities [r, t] x key_columns [t, columns]. A row of 0 and 1 adds up some of the
 *   queries (all of a segment, those that count for a group), a column of 0 and 1 some of the keys (a group, a block of the
 *   thumbnail), a column of key positions gives the sum of positions read. Rows come first: one pass over the probabilities
 *   serves every column. One row a segment is a vector times a matrix, which takes half the time of four rows for all
 *   queries (onnxruntime 1.30, cpu, 2026-11-24).
 * - `statistics.picked` [b, h, picks]: sum over the queries of the probability at the key named for each query and pick by
 *   key_picks [n, picks] (itself, the previous token, the token after an earlier occurrence, …), times pick_counts [n, picks]:
 *   0 where there is no such key, which then names key 0.
 * - `statistics.entropy` [b, h]: sum over the queries of -sum_j p_j ln p_j, in nats. From the scores s: with the largest score m
 *   and its probability p_m, the log of the normaliser is m - ln p_m, so entropy = m - ln p_m - sum_j p_j s_j. The sum is a
 *   product of a row with a column: a third of the time of multiplying and adding up (onnxruntime 1.30, cpu, 2026-11-24).
 * - `statistics.spread` [b, h, weights]: sum over the queries of (largest probability of the row - row_floor [n]), at least 0,
 *   times row_weights [n, weights].
 * - `statistics.top_weight`, `statistics.top_key` [b, h, n - top_from, top_count]: the keys read most by each query of the
 *   chunk from top_from [1] on, largest weight first; top_count [1] is at most t. Ranking the keys of a chunk takes longer
 *   than all of the above: with top_from behind n and top_count 0 a run pays nothing.
 *
 * The others sit in a branch (`If`): a run that does not ask for them pays nothing.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { borrow, conditional } from '../../kernels/graph/operators/conditional';
import { add, cast, logarithm, maximum, multiply, rectify, subtract } from '../../kernels/graph/operators/elementwise';
import { gatherElements, reshape, squeeze, unsqueeze } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { reduceMax, reduceSum } from '../../kernels/graph/operators/reduce';

/** Keys with weights reported for each query. */
export const topKeys = 4;

export const statisticOutputs = [
  'statistics.mass',
  'statistics.picked',
  'statistics.entropy',
  'statistics.spread',
] as const;
export const topKeyOutputs = ['statistics.top_weight', 'statistics.top_key'] as const;

/** Scores are the masked ones that softmax read; masked keys hold a large finite negative number, never -inf. */
export function addStatistics(
  graph: GraphBuilder,
  /** Absent: the probabilities are no softmax of them any more, and the entropy is that of the probabilities alone. */
  scores: Value | undefined,
  probabilities: Value,
  headGain: Value,
): void {
  const [batch = 1, heads = 1, queries = 1, keys = 1] = probabilities.shape;
  const wanted = graph.input('use_statistics', 'bool', []);
  const columns = graph.input('key_columns', 'float32', [keys, 'columns']);
  const picks = graph.input('key_picks', 'int32', [queries, 'picks']);
  const pickCounts = graph.input('pick_counts', 'float32', [queries, 'picks']);
  // The shape of the probabilities in segments, [b, h, segments, r, t] as five numbers.
  const segmented = graph.input('segments', 'int64', [5]);
  const rows = graph.input('query_rows', 'float32', ['segments', 'rows', 'r']);
  const floor = graph.input('row_floor', 'float32', [queries]);
  const weights = graph.input('row_weights', 'float32', [queries, 'weights']);
  const values = conditional(
    wanted,
    (branch) => {
      const p = borrow(branch, probabilities);
      // Below 1e-37 a probability is nothing in float32, and its logarithm is finite.
      const s = scores ? borrow(branch, scores) : logarithm(maximum(p, 1e-37));
      const inSegments = branch.node(
        'Reshape',
        [p, borrow(branch, segmented)],
        [{ type: 'float32', shape: [batch, heads, 'segments', 'r', keys] }],
      )[0];
      const mass = matmul(matmul(borrow(branch, rows), inSegments), borrow(branch, columns));
      // [b, h, n, picks]: the picks are the same for every head; adding zeros of [b, h, 1, 1] spreads them.
      const zeros = cast(multiply(reshape(borrow(branch, headGain), [batch, heads, 1, 1]), 0), 'int32');
      const at = gatherElements(p, add(borrow(branch, picks), zeros), 3);
      const picked = reduceSum(multiply(at, borrow(branch, pickCounts)), [2], false);
      const largest = reduceMax(p, [3], false);
      const logNormaliser = subtract(reduceMax(s, [3], false), logarithm(largest));
      const expected = fusedMatmul(unsqueeze(p, 3), unsqueeze(s, 3), { transposeB: true });
      // A difference of two equal numbers where the row is certain: rounding may leave it a hair below 0.
      const entropy = rectify(subtract(logNormaliser, squeeze(squeeze(expected, 4), 3)));
      const spread = rectify(subtract(largest, borrow(branch, floor)));
      return [mass, picked, reduceSum(entropy, [2], false), matmul(spread, borrow(branch, weights))];
    },
    (branch) => [5, 3, 2, 3].map((rank) => branch.constant('float32', Array<number>(rank).fill(0), [])),
    statisticOutputs,
  );
  for (const value of values) graph.output(value);
  for (const value of mostRead(graph, probabilities)) graph.output(value);
}

function mostRead(graph: GraphBuilder, all: Value): readonly [weights: Value, keys: Value] {
  const [b = 1, h = 1, , t = 1] = all.shape;
  const from = graph.input('top_from', 'int64', [1]);
  const count = graph.input('top_count', 'int64', [1]);
  const end = graph.constant('int64', [1], [Number.MAX_SAFE_INTEGER]);
  const axis = graph.constant('int64', [1], [2]);
  const p = graph.node('Slice', [all, from, end, axis], [{ type: 'float32', shape: [b, h, 'ranked', t] }])[0];
  const shape = [...p.shape.slice(0, -1), 'top'];
  const [weights, keys] = topKeyOutputs;
  return graph.node(
    'TopK',
    [p, count],
    [
      { type: 'float32', shape, name: weights },
      { type: 'int64', shape, name: keys },
    ],
    {
      axis: { kind: 'int', value: 3 },
      largest: { kind: 'int', value: 1 },
      sorted: { kind: 'int', value: 1 },
    },
  );
}
