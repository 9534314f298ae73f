import assert from 'node:assert/strict';
import { Matrix, solve } from 'ml-matrix';
import { baselinesOf } from '../../../../../diagnostics/circuits/sae-circuits/baselines';
import { projectionOf } from '../../../../../diagnostics/shared/statistics/principal-components';
import { random } from '../../../../../kernels/tensors/random';
import { areaBelow } from '../../../../../diagnostics/shared/statistics/ranking';

const drawn = (rows: number, width: number, seed: number, shift: (row: number, i: number) => number): Float32Array => {
  const source = random(seed);
  return Float32Array.from({ length: rows * width }, (_, at) => {
    return source.normal() + shift(Math.floor(at / width), at % width);
  });
};

/** Ridge regression with a free constant, solved again for each pair that is left out, in the space of the features. */
function leftOut(outputs: Float32Array, pairs: number, width: number, ridge: number): number | undefined {
  const n = 2 * pairs;
  const all = Matrix.from1DArray(n, width, outputs);
  const predicted: number[] = new Array<number>(n).fill(0);
  for (let pair = 0; pair < pairs; pair++) {
    const kept = [...Array(n).keys()].filter((at) => at % pairs !== pair);
    const x = all.selection(kept, [...Array(width).keys()]);
    const mean = x.mean('column');
    const centred = x.clone().subRowVector(mean);
    const y = Matrix.columnVector(kept.map((at) => (at < pairs ? 1 : -1)));
    const weights = solve(
      centred
        .transpose()
        .mmul(centred)
        .add(Matrix.eye(width, width, ridge)),
      centred.transpose().mmul(y),
    );
    for (const at of [pair, pairs + pair]) {
      predicted[at] = all.getRow(at).reduce((sum, value, i) => sum + (value - mean[i]!) * weights.get(i, 0), 0);
    }
  }
  return areaBelow(predicted.slice(pairs), predicted.slice(0, pairs));
}

describe('what is known of a head without an autoencoder', () => {
  it('norms by hand', () => {
    // Prompts (3, 4) and (0, 0), counterparts (0, 2) and (1, 0).
    const { norm, difference } = baselinesOf(Float32Array.of(3, 4, 0, 0, 0, 2, 1, 0), 2);
    assert.equal(norm, (5 + 0 + 2 + 1) / 4);
    assert.equal(difference, Math.hypot(1.5 - 0.5, 2 - 1));
  });

  it('separation is that of a discriminant that is solved again without each pair', () => {
    for (const [pairs, width] of [
      [8, 3],
      [6, 20],
    ] as const) {
      const outputs = drawn(2 * pairs, width, 5, (row, i) => (row < pairs && i === 0 ? 0.8 : 0));
      const x = Matrix.from1DArray(2 * pairs, width, outputs);
      const scatter = x.subRowVector(x.mean('column')).norm('frobenius') ** 2;
      const expected = leftOut(outputs, pairs, width, scatter / (10 * Math.min(2 * pairs - 1, width)));
      assert.equal(baselinesOf(outputs, pairs).separation, expected);
    }
  });

  it('is 1 of sides that lie apart, about a half of sides that do not, and nothing of one pair', () => {
    const apart = drawn(20, 40, 1, (row, i) => (row < 10 && i === 7 ? 30 : 0));
    assert.equal(baselinesOf(apart, 10).separation, 1);
    const areas = Array.from(
      { length: 40 },
      (_, seed) =>
        baselinesOf(
          drawn(40, 30, seed, () => 0),
          20,
        ).separation,
    );
    const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
    // The mean of 40 areas with a standard deviation of about 0.1.
    assert.ok(Math.abs(mean - 0.5) < 0.05, `${mean}`);
    assert.ok(Number.isNaN(baselinesOf(Float32Array.of(1, 2, 3, 4), 1).separation));
    assert.equal(baselinesOf(new Float32Array(8), 2).separation, 0.5);
  });

  it('principal components of points on a cross', () => {
    // Along (3, 4) / 5 at -10, 10 and along (-4, 3) / 5 at -1, 1, about (7, 7).
    const rows = [
      [7 - 6, 7 - 8],
      [7 + 6, 7 + 8],
      [7 + 0.8, 7 - 0.6],
      [7 - 0.8, 7 + 0.6],
    ];
    const { first, second, shares } = projectionOf(rows);
    const near = (found: readonly number[], expected: readonly number[]): void =>
      found.forEach((value, at) => assert.ok(Math.abs(Math.abs(value) - expected[at]!) < 1e-5, `${value}`));
    near(first, [10, 10, 0, 0]);
    near(second, [0, 0, 1, 1]);
    assert.ok(first[0]! * first[1]! < 0 && Math.max(...first) > 9);
    near(shares, [200 / 202, 2 / 202]);
  });
});
