import assert from 'node:assert/strict';
import { confidenceOf, measuredNull, studentDistribution } from '../../../../../diagnostics/shared/labels/confidence';
import { randomFrom } from './planted';

describe('confidence of a score', () => {
  it("Student's distribution has the quantiles of the tables", () => {
    // Degrees of freedom, t at 0.975 and at 0.995 (Abramowitz and Stegun 1964, table 26.10).
    const table = [
      [1, 12.706, 63.657],
      [2, 4.303, 9.925],
      [3, 3.182, 5.841],
      [4, 2.776, 4.604],
      [5, 2.571, 4.032],
      [10, 2.228, 3.169],
      [30, 2.042, 2.75],
    ] as const;
    for (const [freedom, most, rare] of table) {
      assert.ok(Math.abs(studentDistribution(most, freedom) - 0.975) < 2e-5, `${freedom} degrees of freedom`);
      assert.ok(Math.abs(studentDistribution(rare, freedom) - 0.995) < 1e-5, `${freedom} degrees of freedom`);
      assert.ok(Math.abs(studentDistribution(-most, freedom) - 0.025) < 2e-5);
    }
    assert.equal(studentDistribution(0, 5), 0.5);
    assert.equal(studentDistribution(1, 0), Number.NaN);
  });

  it('a null model on few random sequences is right as often as it says, where a normal distribution is not', () => {
    const random = randomFrom(11);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const draws = 20_000;
    let above = 0;
    for (let draw = 0; draw < draws; draw++) {
      const none = measuredNull([normal(), normal(), normal(), normal()]);
      if (confidenceOf(normal(), none) > 0.99) above++;
    }
    // 1 % is promised; four standard errors of 20,000 draws are 0.28 %. By z it would be 4 %.
    assert.ok(Math.abs(above / draws - 0.01) < 0.0028, `${above} of ${draws}`);
  });

  it('equal random sequences are measured as 0 and judged by the floor, which is said', () => {
    const alike = measuredNull([0, 0, 0, 0, 0, 0]);
    assert.deepEqual(alike, { mean: 0, sd: 0, seeds: 6, floor: 1e-3 });
    // t = 0.004 / (0.001 sqrt(7/6)) with 5 degrees of freedom.
    assert.ok(Math.abs(confidenceOf(0.004, alike) - studentDistribution(4 / Math.sqrt(7 / 6), 5)) < 1e-12);
    assert.equal(measuredNull([0.1, 0.2, 0.3]).floor, undefined);
    assert.ok(Math.abs(measuredNull([0.1, 0.2, 0.3]).sd - 0.1) < 1e-12);
  });

  it('a formula is judged by the normal distribution; rows that can be dealt in one way only say nothing', () => {
    assert.ok(Math.abs(confidenceOf(0.7, { mean: 0.5, sd: 0.1 }) - 0.97725) < 1e-5);
    assert.ok(Math.abs(confidenceOf(1 + 1e-7, { mean: 1, sd: 0 }) - 0.5) < 1e-6);
    assert.equal(confidenceOf(Number.NaN, { mean: 0.5, sd: 0.1 }), Number.NaN);
  });
});
