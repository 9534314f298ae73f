/** Targets of the random-feature experiment against numbers by hand and against what many draws give. */
import assert from 'node:assert/strict';
import {
  drawnExamples,
  moment,
  momentsOf,
  targetValues,
  unitVector,
} from '../../../../../diagnostics/experiments/rfa-lens/targets';
import { random } from '../../../../../kernels/tensors/random';

describe('targets of the random-feature experiment', () => {
  it('are those of the definition on two keys in two dimensions', () => {
    const examples = { dimension: 2, keys: 2, count: 1, points: Float64Array.of(0.6, 0.8, 1, 0, 0, -1) };
    const direction = Float64Array.of(0.8, -0.6);
    const found = targetValues(examples, direction, { first: 2, second: 3, angle: 0 });
    // (b . x) is 0.8 and 0.6; (x_0 . x) is 0.6 and -0.8.
    assert.ok(Math.abs((found.T1[0] ?? 0) - (0.64 + 0.36) / 2) < 1e-15);
    assert.ok(Math.abs((found.T2[0] ?? 0) - (0.216 * 0.8 - 0.512 * 0.6) / 2) < 1e-15);
  });

  it('have the moments of the sphere: 1/d, 3/(d (d + 2)), 15/(d (d + 2) (d + 4)), odd ones 0', () => {
    for (const [power, expected] of [1, 0, 1 / 3, 0, 3 / 15].entries()) {
      assert.ok(Math.abs(moment(power, 3) - expected) < 1e-15);
    }
    assert.ok(Math.abs(moment(6, 8) - 15 / (8 * 10 * 12)) < 1e-18);
  });

  it('have the exact mean and variance, the mixed one with their covariance', () => {
    const sizes = { dimension: 4, keys: 3 };
    // Odd of T1 with even of T2 is the case in which they correlate.
    for (const degrees of [
      { first: 2, second: 1, angle: 0.7 },
      { first: 3, second: 2, angle: 1 },
      { first: 1, second: 3, angle: 0.4 },
    ]) {
      const examples = drawnExamples(sizes, 60_000, random(5));
      const values = targetValues(examples, unitVector(4, random(6)), degrees);
      const exact = momentsOf(sizes, degrees);
      for (const target of ['T1', 'T2', 'mixed'] as const) {
        const own = values[target];
        const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
        const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
        const { mean: known, variance: of } = exact[target];
        assert.ok(Math.abs(mean - known) < 4 * Math.sqrt(of / own.length), `${target}: mean ${mean}, not ${known}`);
        assert.ok(Math.abs(variance / of - 1) < 0.04, `${target}: variance ${variance}, not ${of}`);
      }
    }
  });
});
