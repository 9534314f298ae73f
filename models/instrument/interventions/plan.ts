/**
 * A cache plan: positions that a key/value head drops are not read. For query i and key j (rows of the sequence), j is dropped where
 * it is not kept for good, and start_i <= j < end_i. The score of a dropped key becomes `maskedScore`, or, for a head that reads the
 * mean of what it drops, the mean of the scores of all dropped keys of the query. Before softmax, after everything else but the causal mask.
 *
 * The mean of the scores is the score of the mean key, q · mean(k) = mean(q · k), and equal weights read the mean value: so N
 * dropped keys with this score give N exp(q · k̂) v̂, as one key and value that count N times (RazorAttention, arXiv:2407.15891,
 * section 3.3). With soft capping, or a bias of some keys, the mean is that of the scores as softmax reads them.
 *
 * Inputs are by query head: those of one key/value head have the same plan. Neutral: end 0. A layer has this for good in a graph of its own: the comparison has the size of the scores.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import {
  and,
  cast,
  divide,
  less,
  lessOrEqual,
  maximum,
  not,
  where,
} from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';

export interface PlanInputs {
  /** Rows of the keys, [t]. */
  readonly rows: Value;
  /** First row that may be dropped, by query (a window of the model's own drops the others already), [n]. */
  readonly start: Value;
  /** The row behind the last that is dropped, [b, h, n]. */
  readonly end: Value;
  /** Keys that are kept for good, [b, h, t]. */
  readonly kept: Value;
  /** Heads that read the mean of what they drop, [b, h]; only where one does, as the sums take a third of the time of a plan. */
  readonly mean?: Value;
}

export const declarePlan = (graph: GraphBuilder, heads: number, keys: string, means: boolean): PlanInputs => ({
  rows: graph.input('plan_rows', 'int32', [keys]),
  start: graph.input('plan_start', 'int32', ['n']),
  end: graph.input('plan_end', 'int32', ['b', heads, 'n']),
  kept: graph.input('plan_kept', 'bool', ['b', heads, keys]),
  ...(means ? { mean: graph.input('plan_mean', 'bool', ['b', heads]) } : {}),
});

/** Scores [b, h, n, t] under the plan of their heads. */
export function plannedScores({ rows, start, end, kept, mean }: PlanInputs, scores: Value, masked: number): Value {
  const [, heads = 1, , keys = 1] = scores.shape;
  const row = reshape(rows, [1, 1, 1, keys]);
  const inside = and(lessOrEqual(reshape(start, [1, 1, 'n', 1]), row), less(row, reshape(end, ['b', heads, 'n', 1])));
  const dropped = and(inside, not(reshape(kept, ['b', heads, 1, keys])));
  if (!mean) return where(dropped, masked, scores);
  const sum = reduceSum(where(dropped, scores, 0), [-1]);
  const count = reduceSum(cast(dropped, 'float32'), [-1]);
  const average = divide(sum, maximum(count, 1));
  const instead = where(reshape(mean, ['b', heads, 1, 1]), average, masked);
  return where(dropped, instead, scores);
}
