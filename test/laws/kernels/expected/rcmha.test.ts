import { rcmha } from '../../../../kernels/mechanisms/rcmha/rcmha';
import {
  attended,
  dot,
  eachHead,
  expectValues,
  plus,
  range,
  type Given,
  type Matrix,
  type Row,
  type Rows,
} from './support';

/** Row t is bias + w[:, K - 1] x_t + w[:, K - 2] x_(t - 1) + …, nothing before row 0. */
function smoothed(rows: Matrix, weight: readonly Matrix[], bias: Row): Matrix {
  return rows.map((_, t) =>
    bias.map((offset, c) => {
      const taps = weight[c]![0]!;
      return taps.reduceRight((sum, tap, u) => {
        const from = t - (taps.length - 1 - u);
        return from < 0 ? sum : sum + tap * rows[from]![c]!;
      }, offset);
    }),
  );
}

/** P is the largest distance: row P of a head's table is distance 0, row P - 1 the key before, row 0 all from P on. */
const relative =
  (P: number) =>
  (given: Given): Rows => {
    const weights = given.weights as Readonly<Record<string, Matrix>>;
    const tables = given.weights['position.key'] as readonly Matrix[] | undefined;
    const conv = (name: string, rows: Matrix): Matrix =>
      weights[`convolution.${name}.weight`]
        ? smoothed(
            rows,
            given.weights[`convolution.${name}.weight`] as readonly Matrix[],
            given.weights[`convolution.${name}.bias`] as Row,
          )
        : rows;
    const { queries, keys } = given.shape;
    const causal = given.shape.pattern === 'causal-self';
    return eachHead(given, ({ b, h, kv, query, key, value }) => {
      // Queries that stand before the first key read nothing, and are no part of the sequence.
      const blind = causal ? Math.max(0, queries - keys) : 0;
      const q = conv('query', query.slice(blind));
      const head = { b, h, kv, query: q, key: conv('key', key), value: conv('value', value) };
      return query.map((_, row) => {
        if (row < blind) return value[0]!.map(() => 0);
        const i = row - blind;
        const position = i + keys - (queries - blind);
        return attended(head, i, range(0, causal ? position + 1 : keys), (own, other, j) => {
          const root = Math.sqrt(own.length);
          if (!tables) return dot(own, other) / root;
          const at = P - Math.min(P, position - j);
          const content = dot(plus(own, weights['query.bias']![h]!), other);
          return (content + dot(own, tables[h]![at]!) + weights['position.bias']![h]![at]!) / root;
        });
      });
    });
  };

const kernels = (size: number) => ({
  'convolution.query.weight': [6, 1, size],
  'convolution.query.bias': [6],
  'convolution.key.weight': [6, 1, size],
  'convolution.key.bias': [6],
  'convolution.value.weight': [5, 1, size],
  'convolution.value.bias': [5],
});
const tables = (P: number) => ({ 'position.key': [4, 2 * P, 6], 'position.bias': [4, 2 * P], 'query.bias': [4, 6] });

expectValues(rcmha, [
  {
    name: 'as published',
    parameters: { maxDistance: 16 },
    weights: { ...kernels(3), ...tables(16) },
    expected: relative(16),
  },
  {
    name: 'a memory before the queries',
    shape: { queries: 4, batch: 1 },
    parameters: { maxDistance: 12 },
    weights: { ...kernels(3), ...tables(12) },
    expected: relative(12),
  },
  {
    name: 'distances beyond the largest, more queries than keys',
    shape: { keys: 9 },
    parameters: { maxDistance: 5, kernel: 2 },
    weights: { ...kernels(2), ...tables(5) },
    expected: relative(5),
  },
  {
    name: 'relative terms alone (RMHA)',
    parameters: { maxDistance: 11, convolution: false },
    weights: tables(11),
    expected: relative(11),
  },
  {
    name: 'the convolution alone (MDHA)',
    parameters: { relative: false, kernel: 4 },
    weights: kernels(4),
    expected: relative(1),
  },
  { name: 'neither (MHA)', parameters: { relative: false, convolution: false }, expected: relative(1) },
  {
    name: 'the convolution over keys of another sequence',
    shape: { pattern: 'causal-cross', keys: 7 },
    parameters: { relative: false },
    weights: kernels(3),
    expected: relative(1),
  },
  {
    name: 'tiles of 128 queries',
    shape: { batch: 1, heads: 2, kvHeads: 1, queries: 131, keys: 140 },
    parameters: { maxDistance: 100 },
    weights: { ...kernels(3), 'position.key': [2, 200, 6], 'position.bias': [2, 200], 'query.bias': [2, 6] },
    expected: relative(100),
  },
]);
