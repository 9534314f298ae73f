import assert from 'node:assert/strict';
import { StatisticsCollector } from '../../../../../compute-server/model/run/stream/head-statistics';
import { PickTable } from '../../../../../compute-server/model/run/stream/statistics-layout';
import type { RuntimeArray } from '../../../../../compute-server/runtime/session';
import { dealt, planted, positional, randomFrom, scoreOf, uniform, type Matrix } from './planted';

const dense = (value: RuntimeArray | undefined): Matrix => {
  const [rows = 0, width = 0] = value?.shape ?? [];
  const numbers = Array.from(value?.data ?? [], Number);
  return Array.from({ length: rows }, (_, row) => numbers.slice(row * width, (row + 1) * width));
};
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => (b[0] ?? []).map((_, c) => row.reduce((sum, x, k) => sum + x * (b[k]?.[c] ?? 0), 0)));

/** What the graph would hand over for these heads and this chunk, from the whole matrices. */
function graphValues(collector: StatisticsCollector, heads: readonly Matrix[], start: number, length: number) {
  const keys = start + length;
  const feeds = collector.feeds(start, length, 0, keys);
  const [picks, counts, weights] = ['key_picks', 'pick_counts', 'row_weights'].map((name) => dense(feeds[name]));
  const floor = Array.from(feeds['row_floor']?.data ?? [], Number);
  assert.deepEqual(feeds['query_rows']?.shape, [1, 1, length]);
  const chunks = heads.map((p) => p.slice(start, keys).map((row) => row.slice(0, keys)));
  const floats = (numbers: readonly number[]) => ({ data: Float32Array.from(numbers), shape: [numbers.length] });
  const overRows = (one: (p: Matrix, row: number) => readonly number[]) =>
    floats(
      chunks.flatMap((p) =>
        p.map((_, row) => one(p, row)).reduce((sum, each) => sum.map((value, at) => value + (each[at] ?? 0))),
      ),
    );
  const all = [new Array<number>(length).fill(1)];
  return {
    'statistics.mass': floats(chunks.flatMap((p) => product(product(all, p), dense(feeds['key_columns'])).flat())),
    'statistics.picked': overRows((p, i) =>
      (picks?.[i] ?? []).map((key, pick) => (p[i]?.[key] ?? 0) * (counts?.[i]?.[pick] ?? 0)),
    ),
    'statistics.entropy': overRows((p, i) => [
      (p[i] ?? []).reduce((sum, each) => (each > 0 ? sum - each * Math.log(each) : sum), 0),
    ]),
    'statistics.spread': overRows((p, i) =>
      (weights?.[i] ?? []).map((weight) => weight * Math.max(0, Math.max(...(p[i] ?? [])) - (floor[i] ?? 0))),
    ),
  };
}

describe('the null model of scores of position', () => {
  const length = 48;
  const heads = [
    planted(length, (i) => Math.max(0, i - 1)),
    planted(length, () => 0, 0.5),
    uniform(length),
    planted(length, (i) => Math.floor(i / 3), 0.99),
  ];
  const collector = new StatisticsCollector(heads.length, new PickTable(Array.from({ length }, () => [])), []);
  for (const start of [0, 20, 40]) {
    const chunk = Math.min(20, length - start);
    collector.add(start, chunk, 0, graphValues(collector, heads, start, chunk));
  }
  const numbers = collector.numbers();
  const random = randomFrom(5);
  const deals = 4000;
  const samples = heads.map((p) =>
    Array.from({ length: deals }, () => {
      const other = dealt(p, random);
      return positional.map((name) => scoreOf[name](other));
    }),
  );

  positional.forEach((name, at) => {
    it(`${name}: score by definition; mean and variance as brute-force deals have them`, () => {
      heads.forEach((p, head) => {
        assert.ok(Math.abs((numbers[name][head] ?? Number.NaN) - scoreOf[name](p)) < 1e-6);
        const values = (samples[head] ?? []).map((row) => row[at] ?? 0);
        const mean = values.reduce((sum, value) => sum + value, 0) / deals;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (deals - 1);
        const expected = numbers.permutation.mean[name];
        const bound = numbers.permutation.variance[name][head] ?? Number.NaN;
        // Five standard errors of 4,000 deals.
        assert.ok(
          Math.abs(mean - expected) <= 5 * Math.sqrt(Math.max(variance, 1e-18) / deals) + 1e-6,
          `head ${head}: mean ${mean} and ${expected}`,
        );
        assert.ok(variance <= bound * 1.15 + 1e-12, `head ${head}: variance ${variance} above its bound ${bound}`);
      });
    });
  });

  it('the bound of the variance is near the variance where one key holds the row, and 0 where the row is even', () => {
    const at = positional.indexOf('selfToken');
    const values = (samples[3] ?? []).map((row) => row[at] ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / deals;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (deals - 1);
    const bound = numbers.permutation.variance.selfToken[3] ?? Number.NaN;
    assert.ok(bound / variance > 0.85 && bound / variance < 1.2, `${bound} for ${variance}`);
    for (const name of positional) assert.ok((numbers.permutation.variance[name][2] ?? 1) < 1e-9);
  });
});
