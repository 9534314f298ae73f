/**
 * Isolation: a number added to the scores of a head between chosen queries and chosen keys, before softmax (after soft capping and
 * uniform attention). Pairs are given as a sum of products: query column r [n] times key row r [t] times the bias of the head for r.
 * Neutral: bias 0.
 *
 * Regions are such columns and rows: 1 where the query is in the region, 1 where the key is in another one. A layer has this for
 * good in a graph of its own: the sum has the size of the scores.
 */
import { add, multiply } from '../../../kernels/graph/operators/elementwise';
import { transpose, reshape } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { changeKind } from './kind';

export interface Isolation {
  /** [regions, n] */
  readonly queries: Value;
  /** [regions, t] */
  readonly keys: Value;
  /** [b, h, regions] */
  readonly bias: Value;
}

/**
 * Changes the scores of a head between regions; positions of no region are left as they are. Where several name one head, their
 * betas add up.
 */
export interface IsolationChange {
  readonly kind: 'isolation';
  readonly layer: number;
  readonly head: number;
  /** Rows of each region; no row is in two. */
  readonly regions: readonly (readonly number[])[];
  /** Only queries of the first region are kept from reading. */
  readonly oneWay?: boolean;
  /** Taken from the score of a query of one region and a key of another. */
  readonly beta: number;
}

export const isolation = changeKind<IsolationChange>()({
  kind: 'isolation',
  parts: ['isolation'],
  ofAttention: true,
  rare: true,
  problem: ({ layer, head, beta }) =>
    Number.isFinite(beta)
      ? undefined
      : `The isolation of layer ${layer} head ${head} is ${beta}; give a finite number.`,
  declare: (graph, { heads }, { keys }): Isolation => ({
    queries: graph.input('isolation_queries', 'float32', ['regions', 'n']),
    keys: graph.input('isolation_keys', 'float32', ['regions', keys]),
    bias: graph.input('isolation_bias', 'float32', ['b', heads, 'regions']),
  }),
  feeds(changes, { heads }, { start, length, keys }) {
    // Heads mostly share their regions: each list of them has its columns once, one for each region that reads.
    const lists: { readonly regions: IsolationChange['regions']; readonly offset: number }[] = [];
    let columns = 0;
    const offsetOf = (regions: IsolationChange['regions']): number => {
      const known = lists.find((list) => list.regions === regions);
      if (known) return known.offset;
      lists.push({ regions, offset: columns });
      columns += regions.length;
      return columns - regions.length;
    };
    const offsets = changes.map((own) => own.map(({ regions }) => offsetOf(regions)));
    const firstKey = start + length - keys;
    const bias = new Float32Array(changes.length * heads * columns);
    changes.forEach((own, v) =>
      own.forEach(({ head, regions, oneWay, beta }, of) => {
        const at = (v * heads + head) * columns + (offsets[v]?.[of] ?? 0);
        const reading = oneWay ? 1 : regions.length;
        for (let region = 0; region < reading; region++) bias[at + region] = (bias[at + region] ?? 0) - beta;
      }),
    );
    const queries = new Float32Array(columns * length);
    const others = new Float32Array(columns * keys);
    for (const { regions, offset } of lists) {
      regions.forEach((rows, region) => {
        const column = offset + region;
        for (const row of rows) if (row >= start && row < start + length) queries[column * length + row - start] = 1;
        regions.forEach((other, to) => {
          if (to === region) return;
          for (const row of other) {
            if (row >= firstKey && row < firstKey + keys) others[column * keys + row - firstKey] = 1;
          }
        });
      });
    }
    return {
      isolation_queries: { data: queries, shape: [columns, length] },
      isolation_keys: { data: others, shape: [columns, keys] },
      isolation_bias: { data: bias, shape: [changes.length, heads, columns] },
    };
  },
  steps: ({ regions }, start) => !regions.some((rows) => rows.some((row) => row >= start)),
});

/** Scores [b, h, n, t] with the biases of their pairs. */
export function isolatedScores({ queries, keys, bias }: Isolation, scores: Value): Value {
  const heads = bias.shape[1] ?? 1;
  const perQuery = multiply(reshape(bias, ['b', heads, 1, 'regions']), transpose(queries, [1, 0]));
  return add(scores, matmul(perQuery, keys));
}
