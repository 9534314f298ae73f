/**
 * A cache plan: positions that a key/value head drops are not read. For query i and key j (rows of the sequence), j is dropped where
 * it is not always kept, and start_i <= j < end_i. The score of a dropped key becomes `maskedScore`, or, for a head that reads the
 * mean of what it drops, the mean of the scores of all dropped keys of the query. Before softmax, after everything else but the causal mask.
 *
 * The mean of the scores is the score of the mean key, q · mean(k) = mean(q · k), and equal weights read the mean value: so N
 * dropped keys with this score give N exp(q · k̂) v̂, as one key and value that count N times (RazorAttention, arXiv:2407.15891,
 * section 3.3). With soft capping, or a bias of some keys, the mean is that of the scores as softmax reads them.
 *
 * Inputs are by query head: those of one key/value head have the same plan. Neutral: end 0. A layer has this only in
 * a graph of its own: the comparison has the size of the scores.
 */
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
import { int32, type Held } from './fed-rows';
import { always, changeKind } from './kind';

export interface PlanInputs {
  /** Rows of the keys, [t]. */
  readonly rows: Value;
  /** First row that may be dropped, by query (a window of the model's own drops the others already), [n]. */
  readonly start: Value;
  /** The row behind the last that is dropped, [b, h, n]. */
  readonly end: Value;
  /** Keys that are never dropped, [b, h, t]. */
  readonly kept: Value;
  /** Heads that read the mean of what they drop, [b, h]; only where one does, as the sums take a third of the time of a plan. */
  readonly mean?: Value;
}

/** What each key/value head of a layer keeps of the past; only of layers in which one drops something. */
export interface PlanChange {
  readonly kind: 'plan';
  readonly layer: number;
  /** Rows of the prompt: the n of elastic rules. */
  readonly prompt: number;
  /** The first row that reads under the plan. */
  readonly from: number;
  /** By key/value head. */
  readonly heads: readonly Held[];
}

export const plan = changeKind<PlanChange>()({
  kind: 'plan',
  parts: ['plan', 'plan-mean'],
  ofAttention: true,
  rare: true,
  partsOf: ({ heads }) => (heads.some(({ mean }) => mean) ? ['plan', 'plan-mean'] : ['plan']),
  problem: ({ layer, heads }, { kvHeads }) =>
    heads.length === kvHeads
      ? undefined
      : `The plan has ${heads.length} heads in layer ${layer}, and the layer has ${kvHeads} key/value heads.`,
  declare: (graph, { heads }, { keys, parts }): PlanInputs => ({
    rows: graph.input('plan_rows', 'int32', [keys]),
    start: graph.input('plan_start', 'int32', ['n']),
    end: graph.input('plan_end', 'int32', ['b', heads, 'n']),
    kept: graph.input('plan_kept', 'bool', ['b', heads, keys]),
    ...(parts.includes('plan-mean') ? { mean: graph.input('plan_mean', 'bool', ['b', heads]) } : {}),
  }),
  feeds(changes, { heads, kvHeads, window, chunked }, { start, length, keys, position, dropped }, { parts }) {
    const first = start + length - keys;
    const b = changes.length;
    const end = new Int32Array(b * heads * length);
    const kept = new Uint8Array(b * heads * keys);
    const mean = new Uint8Array(b * heads);
    const group = heads / kvHeads;
    changes.forEach((own, v) => {
      const change = own.at(-1);
      change?.heads.forEach((held, g) => {
        const at = v * heads + g * group;
        for (let query = Math.max(start, change.from); query < start + length; query++) {
          end[at * length + query - start] = dropped(held, change.prompt, query).at(-1)?.end ?? 0;
        }
        // What is dropped once is dropped by every later query, so the last one shows what is never dropped.
        const gaps = dropped(held, change.prompt, Math.max(start + length, change.prompt));
        const open = gaps.at(-1)?.end ?? 0;
        for (let key = 0; key < keys; key++) {
          const row = first + key;
          if (row < open && !gaps.some((gap) => row >= gap.start && row < gap.end)) kept[at * keys + key] = 1;
        }
        if (held.mean) mean[at] = 1;
        for (let other = at + 1; other < at + group; other++) {
          end.copyWithin(other * length, at * length, (at + 1) * length);
          kept.copyWithin(other * keys, at * keys, (at + 1) * keys);
          mean[other] = mean[at] ?? 0;
        }
      });
    });
    // A window counts positions, of which a sequence without one of its spans has fewer rows.
    let lowest = first;
    const firsts = Array.from({ length }, (_, at) => {
      if (window === undefined) return 0;
      const query = start + at;
      const place = position(query);
      const behind = chunked ? place - (place % window) - 1 : place - window;
      while (lowest < query && position(lowest) <= behind) lowest++;
      return lowest;
    });
    return {
      plan_rows: int32(
        Array.from({ length: keys }, (_, key) => first + key),
        [keys],
      ),
      plan_start: int32(firsts, [length]),
      plan_end: { data: end, shape: [b, heads, length] },
      plan_kept: { data: kept, shape: [b, heads, keys] },
      ...(parts.includes('plan-mean') ? { plan_mean: { data: mean, shape: [b, heads] } } : {}),
    };
  },
  // Caches follow it, head by head.
  steps: always,
  firstRow: ({ from }) => from,
  same: (one, other) => textOf(one) === textOf(other),
});

const textOf = (change: PlanChange): string =>
  JSON.stringify(change, (_, value: unknown) => (value === Infinity ? 'all' : value));

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
