import assert from 'node:assert/strict';
import { energies, energyKept, querySpectra, rankFor } from '../../../../../diagnostics/circuits/qk-rank/energy';
import { finding, sections } from '../../../../../diagnostics/circuits/qk-rank/sections';
import { rankResultOf } from '../../../../../diagnostics/circuits/qk-rank/result';
import type { HeadMap } from '../../../../../diagnostics/model-runner/weights';
import type { ModelFacts } from '../../../../../diagnostics/model-runner/model-runner';

/** Rows of a map [rows, width] with one number each, at the column that `at` gives. */
const sparse = (rows: readonly (readonly [column: number, value: number])[], width: number): HeadMap => {
  const data = new Float32Array(rows.length * width);
  rows.forEach(([column, value], row) => (data[row * width + column] = value));
  return { data, rows: rows.length, columns: width };
};

describe('the rank of query-key forms', () => {
  it('is read off the singular values of W_Q^T W_K, with shared keys and the gain of the norm', () => {
    const width = 5;
    // Two query heads of width 4 on one key head. Row k of a key reads column k; the gain doubles column 0.
    const key = sparse(
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
      ],
      width,
    );
    const query = sparse(
      [
        [4, 3],
        [3, 2],
        [2, 1],
        [1, 0.5],
        // The second head: one direction.
        [4, 7],
        [4, 0],
        [4, 0],
        [4, 0],
      ],
      width,
    );
    const weights = {
      query,
      key,
      scale: 0.5,
      input: { kind: 'rms', epsilon: 1e-6, gain: Float32Array.of(2, 1, 1, 1, 1) },
    } as const;
    const block = { heads: 2, kvHeads: 1, headDim: 4 } as ModelFacts['blocks'][number];
    const found = querySpectra(weights, block);
    // Sum over k of (0.5 q_k e_a) (k_k e_b)^T with the gain: 0.5 * 3 * 2, 0.5 * 2, 0.5 * 1, 0.5 * 0.5.
    [
      [3, 1, 0.5, 0.25],
      [7, 0, 0, 0],
    ].forEach((expected, head) =>
      expected.forEach((value, at) => assert.ok(Math.abs(found[head]![at]! - value) < 1e-6, `${head} ${at}`)),
    );
  });

  it('keeps the energy of Eckart and Young', () => {
    // 9, 4, 1, 1 of 15.
    const values = [3, 2, 1, 1];
    assert.deepEqual(
      energies(values).map((energy) => Math.round(energy * 15)),
      [9, 13, 14, 15],
    );
    assert.equal(energyKept(values, 1), 0.6);
    assert.equal(energyKept(values, 9), 1);
    assert.deepEqual(
      [0.5, 0.6, 0.61, 0.9, 1].map((share) => rankFor(values, share)),
      [1, 1, 2, 3, 4],
    );
    assert.deepEqual([rankFor([0, 0], 0.9), energyKept([], 1)], [Number.NaN, Number.NaN]);
  });

  it('sorts heads by their rank, leaves out forms of zero, and says what it found', () => {
    const spectra = [
      [
        [3, 2, 1, 1],
        [0, 0, 0, 0],
      ],
      [
        [1, 1, 1, 1],
        [5, 0, 0, 0],
      ],
    ];
    const sizes = { headDim: 4, readWidth: 10 };
    const result = rankResultOf(spectra, { rank: 2, share: 0.9 }, [sizes, sizes]);
    assert.deepEqual(
      result.heads.map(({ layer, head, enough, one }) => [layer, head, enough, one]),
      [
        [1, 1, 1, 1],
        [0, 0, 3, 0.6],
        [1, 0, 4, 0.25],
      ],
    );
    assert.equal(
      finding(result),
      '90 % of the energy of a query-key form takes a rank of 1 (L1H1) to 4 (L1H0), 3 in the median of 3 heads of width 4. Rank 1 keeps 60 % in the median, and most in L1H1: 100 %.',
    );
    // Medians of 1, 0.6 and 0.25 at rank 1, and of 1, 13/15 and 0.5 at rank 2.
    assert.deepEqual(result.byRank[0], { rank: 1, median: 0.6, low: 0.25, high: 1 });
    assert.ok(Math.abs((result.byRank[1]?.median ?? 0) - 13 / 15) < 1e-12);
    const table = sections(result).find(({ id }) => id === 'heads');
    assert.ok(table?.kind === 'table');
    // 2 r w and 2 d w.
    assert.deepEqual(table.rows[0]?.slice(4), [20, 80]);
  });
});
