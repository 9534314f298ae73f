/**
 * Emphasis: scores z of chosen keys become z + c |z|, before softmax (after soft capping, before biases, isolation and the
 * causal mask: what hides a key is not turned round). Neutral: c = 0 adds 0. A layer has this only in a graph of its own: the sum
 * has the size of the scores.
 */
import { add, absolute, multiply } from '../../../kernels/graph/operators/elementwise';
import { reshape, transpose } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { changeKind } from './kind';

/** Factors of one key add up. */
export interface EmphasisChange {
  readonly kind: 'emphasis';
  readonly layer: number;
  readonly head: number;
  readonly keys: readonly number[];
  readonly factor: number;
  /** The first query. */
  readonly first: number;
}

export interface EmphasisInputs {
  /** 1 where the set of keys is emphasised for the query, [n, sets]. */
  readonly rows: Value;
  /** c of each key of a set, [b, h, sets, t]. */
  readonly factor: Value;
}

export const emphasis = changeKind<EmphasisChange>()({
  kind: 'emphasis',
  parts: ['emphasis'],
  ofAttention: true,
  rare: true,
  problem: ({ layer, head, factor }) =>
    Number.isFinite(factor)
      ? undefined
      : `The factor of layer ${layer} head ${head} is ${factor}; give a finite number.`,
  declare: (graph, { heads }, { keys }): EmphasisInputs => ({
    rows: graph.input('emphasis_rows', 'float32', ['n', 'sets']),
    factor: graph.input('emphasis_factor', 'float32', ['b', heads, 'sets', keys]),
  }),
  feeds(changes, { heads }, { start, length, keys }) {
    // Changes that begin at the same row are one set of keys.
    const firsts = [...new Set(changes.flat().map(({ first }) => first))];
    const sets = firsts.length;
    const rows = new Float32Array(length * sets);
    for (let row = 0; row < length; row++) {
      firsts.forEach((first, set) => (rows[row * sets + set] = start + row >= first ? 1 : 0));
    }
    const factor = new Float32Array(changes.length * heads * sets * keys);
    const firstKey = start + length - keys;
    changes.forEach((own, v) => {
      for (const { head, keys: named, factor: c, first } of own) {
        const at = ((v * heads + head) * sets + firsts.indexOf(first)) * keys;
        for (const row of named) {
          const key = row - firstKey;
          if (key >= 0 && key < keys) factor[at + key] = (factor[at + key] ?? 0) + c;
        }
      }
    });
    return {
      emphasis_rows: { data: rows, shape: [length, sets] },
      emphasis_factor: { data: factor, shape: [changes.length, heads, sets, keys] },
    };
  },
  steps: (_, __, ___, others) => !others.has('plan'),
  stepGraph: {
    scores(graph, scores) {
      const [kvHeads = 1, group = 1, columns = 1] = scores.shape;
      /** c of each column, [columns, h]. */
      const factor = graph.input('emphasis_factor', 'float32', [columns, Number(kvHeads) * Number(group)]);
      return add(scores, multiply(absolute(scores), reshape(transpose(factor, [1, 0]), [kvHeads, group, columns])));
    },
    feeds(changes, { heads }, { rows }) {
      const factor = new Float32Array(rows.length * heads);
      for (const { head, keys: named, factor: c } of changes) {
        const keys = new Set(named);
        rows.forEach((row, column) => {
          const at = column * heads + head;
          if (keys.has(row)) factor[at] = (factor[at] ?? 0) + c;
        });
      }
      return (columns) => ({
        emphasis_factor: { data: factor.subarray(0, columns * heads), shape: [columns, heads] },
      });
    },
  },
});

/** Scores [b, h, n, t] with the emphasis of their rows. */
export const emphasised = ({ rows, factor }: EmphasisInputs, scores: Value): Value =>
  add(scores, multiply(absolute(scores), matmul(rows, factor)));
