import assert from 'node:assert/strict';
import { Matrix, QrDecomposition } from 'ml-matrix';
import { compositionsOf, reachedBy } from '../../../../../diagnostics/circuits/ov-qk-circuits/composition';
import { byChance, rotatedSquares, shares } from '../../../../../diagnostics/circuits/ov-qk-circuits/rotations';
import { effectiveRank, positiveShare } from '../../../../../diagnostics/shared/weights/spectra';
import { random } from '../../../../../kernels/tensors/random';
import { norm, product, transpose, type Dense } from './naive';

const width = 10;
const source = random(5);
const gaussianOf = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => source.normal()));

/** A whole orthogonal matrix, signs of the triangular factor made positive: that is the Haar measure. */
function rotation(): Dense {
  const { orthogonalMatrix: q, upperTriangularMatrix: r } = new QrDecomposition(new Matrix(gaussianOf(width, width)));
  return q.to2DArray().map((row) => row.map((value, i) => value * Math.sign(r.get(i, i))));
}

const moments = (values: readonly number[]): readonly [number, number] => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
};

describe('composition by chance', () => {
  // Two maps of rank 3 with unequal singular values, whose first vectors are axes.
  const [p, q] = [
    [3, 2, 1],
    [5, 1, 0.5],
  ];
  const map = (values: readonly number[]): Dense =>
    Array.from({ length: width }, (_, i) => Array.from({ length: width }, (__, j) => (i === j ? (values[i] ?? 0) : 0)));

  it('mean and deviation are those of whole maps turned by whole rotations', () => {
    const squares = Array.from({ length: 6000 }, () => {
      const turned = product(product(map(p), rotation()), map(q));
      return (norm(turned) / (norm(map(p)) * norm(map(q)))) ** 2;
    });
    const [mean, deviation] = moments(squares);
    const expected = byChance(shares(p) ?? [], shares(q) ?? [], width);
    assert.ok(Math.abs(mean - expected.mean) < 0.03 * expected.mean, `${mean}, not ${expected.mean}`);
    assert.ok(Math.abs(deviation - expected.deviation) < 0.05 * expected.deviation, `${deviation}`);
    assert.equal(expected.mean, 1 / width);
    // A map of full rank and equal values looks the same from everywhere.
    const even = shares(new Array<number>(width).fill(2)) ?? [];
    assert.ok(byChance(even, shares(q) ?? [], width).deviation < 1e-8);
  });

  it('the blocks that are drawn have the moments of a rotation, and their rows are no longer than 1', () => {
    const draws = Array.from({ length: 4000 }, () => rotatedSquares(width, 3, source));
    const mean = (of: (squares: Float64Array) => number): number => moments(draws.map(of))[0];
    const close = (found: number, expected: number): void =>
      assert.ok(Math.abs(found - expected) < 0.06 * expected, `${found}, not ${expected}`);
    close(
      mean((t) => t[0] ?? 0),
      1 / 10,
    );
    close(
      mean((t) => (t[4] ?? 0) ** 2),
      3 / 120,
    );
    close(
      mean((t) => (t[0] ?? 0) * (t[1] ?? 0)),
      1 / 120,
    );
    close(
      mean((t) => (t[0] ?? 0) * (t[3] ?? 0)),
      1 / 120,
    );
    close(
      mean((t) => (t[0] ?? 0) * (t[4] ?? 0)),
      11 / (9 * 10 * 12),
    );
    assert.ok(draws.every((t) => (t[0] ?? 0) + (t[1] ?? 0) + (t[2] ?? 0) <= 1 + 1e-9));
    // Columns are whole.
    const column = Array.from({ length: width }, (_, row) => draws[0]?.[row * 3 + 1] ?? 0);
    assert.ok(Math.abs(column.reduce((sum, value) => sum + value, 0) - 1) < 1e-9);
    // As wide as it is high: whole rows.
    const whole = rotatedSquares(4, 4, source);
    assert.ok(Math.abs(whole.slice(0, 4).reduce((sum, value) => sum + value, 0) - 1) < 1e-9);
  });

  it('heads that know nothing of each other lie above all rotations as often as p says', () => {
    // 40 writers and 40 readers of random vectors: 1600 pairs of one kind, of which chance puts 1 in 20 above 19 rotations.
    const [heads, d, w] = [40, 2, 24];
    const vectors = (): Dense => new QrDecomposition(new Matrix(gaussianOf(w, d))).orthogonalMatrix.to2DArray();
    const values = [2, 1];
    const norms = Array.from({ length: heads }, () => {
      const reader = vectors();
      return Array.from({ length: heads }, () => {
        const turned = product(transpose(reader), vectors());
        return norm(turned.map((row, i) => row.map((value, j) => value * (values[i] ?? 0) * (values[j] ?? 0))));
      });
    });
    const spectra = Array.from({ length: heads }, () => values);
    const none = Array.from({ length: heads }, (): number[] => []);
    const compositions = compositionsOf(
      [
        { layer: 0, ov: spectra, qk: spectra, composed: { query: none, key: none, value: none } },
        { layer: 1, ov: spectra, qk: spectra, composed: { query: norms, key: norms, value: norms } },
      ],
      w,
    );
    const reached = reachedBy(compositions, w, 19, random(3));
    const above = compositions.all.filter(({ kind }, at) => kind === 'value' && reached[at] === 0).length;
    assert.ok(above > 50 && above < 115, `${above} of 1600`);
  });

  it('a score that no rotation reaches is reached by none, one below all by all, the same seed the same', () => {
    const norms = Math.hypot(...p) * Math.hypot(...q);
    const at = (score: number) => [[score * norms]];
    const measured = [
      { layer: 0, ov: [q], qk: [p], composed: { query: [[]], key: [[]], value: [[]] } },
      { layer: 1, ov: [p], qk: [p], composed: { query: at(0.99), key: at(0.01), value: at(1 / Math.sqrt(width)) } },
    ];
    const compositions = compositionsOf(measured, width);
    assert.deepEqual(
      compositions.all.map(({ kind, score }) => [kind, Number(score.toFixed(6))]),
      [
        ['query', 0.99],
        ['key', 0.01],
        ['value', 0.316228],
      ],
    );
    const [high = 0, low = 0, even = Number.NaN] = compositions.all.map(({ z }) => z);
    assert.ok(high > 5 && low < -1 && Math.abs(even) < 1e-9);
    const reached = reachedBy(compositions, width, 400, random(1));
    assert.deepEqual([reached[0], reached[1]], [0, 400]);
    assert.ok((reached[2] ?? 0) > 100 && (reached[2] ?? 0) < 300);
    assert.deepEqual(reachedBy(compositions, width, 400, random(1)), reached);
  });
});

describe('spectra', () => {
  it('effective rank is the number of equal values, between for others, none of a map that is zero', () => {
    assert.ok(Math.abs(effectiveRank([2, 2, 2, 0]) - 3) < 1e-12);
    // Shares 3/4 and 1/4.
    assert.ok(Math.abs(effectiveRank([3, 1]) - 4 / 3 ** 0.75) < 1e-12);
    assert.ok(Number.isNaN(effectiveRank([0, 0])));
  });

  it('eigenvalues: 1 of a copying map, -1 of one that lowers, 0 of a rotation by a right angle', () => {
    assert.equal(positiveShare(Float32Array.of(2, 0, 0, 3), 2), 1);
    assert.equal(positiveShare(Float32Array.of(-2, 0, 0, -3), 2), -1);
    assert.ok(Math.abs(positiveShare(Float32Array.of(0, -1, 1, 0), 2)) < 1e-12);
    // Eigenvalues 4 and -1.
    assert.ok(Math.abs(positiveShare(Float32Array.of(1, 2, 3, 2), 2) - 0.6) < 1e-6);
    assert.ok(Number.isNaN(positiveShare(Float32Array.of(0, 0, 0, 0), 2)));
  });
});
