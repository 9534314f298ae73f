/**
 * Redistribution: a share s of the attention that a row gives to its sources goes to its receivers, in proportion to what they have:
 *
 *   p'_j = (1 - s) p_j for sources j, p_j (1 + s S / T) for receivers, p_j for all others; S and T what the row gives to both.
 *
 * Rows still sum to 1. A row moves nothing where T = 0, where it gives its region less than `least`, or where the keys of the region
 * that are no source get less than `ratio` of that. Sources are given, or keys whose column sum is above a limit.
 * Neutral: share 0, whose factor is exactly 1. A layer has this only in a graph of its own: the factor has the size of the
 * probabilities.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import {
  add,
  and,
  cast,
  divide,
  greater,
  lessOrEqual,
  maximum,
  multiply,
  subtract,
} from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { int64, type GraphInput } from './fed-rows';
import { changeKind } from './kind';

export interface RedistributionInputs {
  /** 1 for sources that are given, [b, h, t]. */
  readonly from: Value;
  /**
   * Column sums above it make a source too; `noLimit` where none does, [b, h, t]. Of a graph for runs that go by column sums: these
   * are another pass over the probabilities.
   */
  readonly limit?: Value;
  /** 1 for receivers; those that are sources are none, [b, h, t]. */
  readonly to: Value;
  /** 1 for keys of the region, [b, h, t]. */
  readonly region: Value;
  /** s, [b, h, n]. */
  readonly share: Value;
  /** `least` and `ratio`, [b, h, 2]. */
  readonly gate: Value;
}

/** 1 for each key that attention is taken from, [b, h, t]. */
export const sourcesOutput = 'redistribution.sources';

/** Column sums [b, h, t]. */
export const columnsOutput = 'redistribution.columns';

/** No sum of probabilities is above it. */
export const noLimit = 1e30;

/** On the attention of a head, after softmax; of several of one head the last counts. Rows are those of the sequence. */
export interface Redistribution {
  readonly kind: 'redistribution';
  readonly layer: number;
  readonly head: number;
  /** What attention is taken from. */
  readonly from:
    | { readonly kind: 'rows'; readonly rows: readonly number[] }
    /** Keys whose column strength is above alpha / prompt, or above `strength`. */
    | { readonly kind: 'columns'; readonly alpha?: number; readonly strength?: number }
    /** Keys whose hidden state is massive in one of the dimensions. */
    | { readonly kind: 'states'; readonly tau: number; readonly dimensions: readonly number[] };
  /** Who gets it: these rows, and all from `behind` on. Sources are never among them. */
  readonly to: { readonly rows: readonly number[]; readonly behind?: number };
  readonly share: number;
  /** The first query that moves anything. */
  readonly first: number;
  /** The region that `least` and `ratio` measure. */
  readonly region: readonly number[];
  readonly least?: number;
  readonly ratio?: number;
}

/** The one of each query head of a layer. */
export function byHead(changes: readonly Redistribution[], heads: number): readonly (Redistribution | undefined)[] {
  const own = new Array<Redistribution | undefined>(heads);
  for (const one of changes) if (one.head < heads) own[one.head] = one;
  return own;
}

export const redistribution = changeKind<Redistribution>()({
  kind: 'redistribution',
  parts: ['redistribution', 'column-sources'],
  ofAttention: true,
  rare: true,
  partsOf: ({ from }) => (from.kind === 'columns' ? ['redistribution', 'column-sources'] : ['redistribution']),
  problem: ({ layer, head, share }) =>
    share >= 0 && share <= 1 ? undefined : `The share that layer ${layer} head ${head} moves is ${share}; give 0 to 1.`,
  declare(graph, { heads }, { keys, parts }): RedistributionInputs {
    const perKey = (name: string): Value => graph.input(`redistribution_${name}`, 'float32', ['b', heads, keys]);
    return {
      from: perKey('from'),
      ...(parts.includes('column-sources') ? { limit: perKey('limit') } : {}),
      to: perKey('to'),
      region: perKey('region'),
      share: graph.input('redistribution_share', 'float32', ['b', heads, 'n']),
      gate: graph.input('redistribution_gate', 'float32', ['b', heads, 2]),
    };
  },
  feeds(changes, { heads }, { start, length, keys, sources, limits }, { parts }) {
    const b = changes.length;
    const firstKey = start + length - keys;
    const perKey = (): Float32Array => new Float32Array(b * heads * keys);
    const [from, to, region] = [perKey(), perKey(), perKey()];
    const limit = parts.includes('column-sources') ? perKey().fill(noLimit) : undefined;
    const share = new Float32Array(b * heads * length);
    const gate = new Float32Array(b * heads * 2).fill(-1);
    changes.forEach((own, v) => {
      byHead(own, heads).forEach((change, head) => {
        if (!change) return;
        const at = v * heads + head;
        const set = (into: Float32Array, rows: Iterable<number>): void => {
          for (const row of rows) {
            const key = row - firstKey;
            if (key >= 0 && key < keys) into[at * keys + key] = 1;
          }
        };
        if (change.from.kind === 'rows') set(from, change.from.rows);
        else if (sources) {
          const found = sources.of(v, head);
          for (let key = 0; key < keys; key++) from[at * keys + key] = found[firstKey + key] ?? 0;
        }
        if (change.from.kind === 'columns' && sources?.open) {
          limit?.set(limits(change.from).subarray(firstKey, firstKey + keys), at * keys);
        }
        set(to, change.to.rows);
        if (change.to.behind !== undefined) {
          to.fill(1, at * keys + Math.min(keys, Math.max(0, change.to.behind - firstKey)), (at + 1) * keys);
        }
        set(region, change.region);
        share.fill(change.share, at * length + Math.min(length, Math.max(0, change.first - start)), (at + 1) * length);
        gate[at * 2] = change.least ?? -1;
        gate[at * 2 + 1] = change.ratio ?? -1;
      });
    });
    const array = (data: Float32Array, ...shape: number[]): GraphInput => ({ data, shape });
    return {
      redistribution_from: array(from, b, heads, keys),
      ...(limit ? { redistribution_limit: array(limit, b, heads, keys) } : {}),
      redistribution_to: array(to, b, heads, keys),
      redistribution_region: array(region, b, heads, keys),
      redistribution_share: array(share, b, heads, length),
      redistribution_gate: array(gate, b, heads, 2),
    };
  },
  steps: (_, __, ___, others) => !others.has('plan'),
  stepGraph: {
    probabilities(graph, probabilities) {
      const [kvHeads = 1, group = 1, columns = 1] = probabilities.shape;
      const heads = Number(kvHeads) * Number(group);
      // Filled ahead: of the room that there is, the columns up to `moved_end` are in use.
      const filled = graph.input('moved_columns', 'float32', [heads, 5, 'room']);
      const [start, axis] = [graph.constant('int64', [1], [0]), graph.constant('int64', [1], [2])];
      const end = graph.input('moved_end', 'int64', [1]);
      const sets = graph.node(
        'Slice',
        [filled, start, end, axis],
        [{ type: 'float32', shape: [heads, 5, columns] }],
      )[0];
      const share = graph.input('moved_share', 'float32', [heads, 1, 1]);
      const gate = graph.input('moved_gate', 'float32', [heads, 1, 2]);
      const own = reshape(probabilities, [heads, 1, columns]);
      return reshape(multiply(own, movedFactor(own, sets, share, gate)), [kvHeads, group, columns]);
    },
    feeds(changes, { heads }, { rows, sources }) {
      const columns = rows.length;
      const share = new Float32Array(heads);
      const gate = new Float32Array(heads * 2).fill(-1);
      const sets = new Float32Array(heads * 5 * columns);
      for (let head = 0; head < heads; head++) sets.fill(1, (head * 5 + 4) * columns, (head + 1) * 5 * columns);
      byHead(changes, heads).forEach((change, head) => {
        if (!change) return;
        share[head] = change.share;
        gate[head * 2] = change.least ?? -1;
        gate[head * 2 + 1] = change.ratio ?? -1;
        const named = change.from.kind === 'rows' ? new Set(change.from.rows) : undefined;
        const found = named ? undefined : sources?.of(0, head);
        const [to, region] = [new Set(change.to.rows), new Set(change.region)];
        rows.forEach((row, column) => {
          const source = named?.has(row) ?? found?.[row] === 1;
          const receives = to.has(row) || (change.to.behind !== undefined && row >= change.to.behind);
          const at = head * 5 * columns + column;
          sets[at] = region.has(row) ? 1 : 0;
          sets[at + columns] = region.has(row) && !source ? 1 : 0;
          sets[at + 2 * columns] = source ? 1 : 0;
          sets[at + 3 * columns] = receives && !source ? 1 : 0;
        });
      });
      return (used) => ({
        moved_columns: { data: sets, shape: [heads, 5, columns] },
        moved_end: int64(used),
        moved_share: { data: share, shape: [heads, 1, 1] },
        moved_gate: { data: gate, shape: [heads, 1, 2] },
      });
    },
  },
  withoutGradient: ({ layer, from }) =>
    from.kind === 'rows'
      ? undefined
      : `Layer ${layer} chooses the keys that attention is taken from, and what is chosen has no gradient. Name their positions instead.`,
});

/** Probabilities [b, h, n, t] after what is moved. */
export function redistributed(
  graph: GraphBuilder,
  { from, limit, to, region, share, gate }: RedistributionInputs,
  probabilities: Value,
  name?: string,
): Value {
  const [, heads = 1, , keys = 1] = probabilities.shape;
  const sums = limit && reduceSum(probabilities, [2], false);
  const sources = limit && sums ? maximum(from, cast(greater(sums, limit), 'float32')) : from;
  const others = subtract(1, sources);
  const row = (of: Value): Value => reshape(of, ['b', heads, 1, keys]);
  const one = add(multiply(others, 0), 1);
  const sets = [region, multiply(region, others), sources, multiply(to, others), one];
  const factor = movedFactor(
    probabilities,
    concat(sets.map(row), 2),
    reshape(share, ['b', heads, 'n', 1]),
    reshape(gate, ['b', heads, 1, 2]),
  );
  if (sums) {
    graph.output(sources, sourcesOutput);
    graph.output(sums, columnsOutput);
  }
  return multiply(probabilities, factor, name);
}

/**
 * What probabilities [..., n, t] are multiplied by: of `sets` [..., 5, t] the rows are the region, its keys that are no source, sources,
 * receivers, and all keys, as 0 and 1. Shares are [..., n, 1], `gate` [..., 1, 2].
 */
function movedFactor(probabilities: Value, sets: Value, share: Value, gate: Value): Value {
  const last = probabilities.shape.length - 1;
  const part = (of: Value, at: number): Value => slice(of, last, at, at + 1);
  // One pass over the probabilities gives all four masses of a row.
  const masses = fusedMatmul(probabilities, slice(sets, last - 1, 0, 4), { transposeB: true });
  const [seen, beside, taken, got] = [part(masses, 0), part(masses, 1), part(masses, 2), part(masses, 3)];
  const open = and(
    and(lessOrEqual(part(gate, 0), seen), lessOrEqual(multiply(part(gate, 1), seen), beside)),
    greater(got, 0),
  );
  const moved = multiply(share, cast(open, 'float32'));
  const gain = divide(multiply(moved, taken), maximum(got, 1e-30));
  // [-s, gain, 1] x [sources; receivers; 1]: 1 exactly where nothing is moved.
  const one = add(multiply(moved, 0), 1);
  return matmul(concat([multiply(moved, -1), gain, one], last), slice(sets, last - 1, 2, 5));
}
