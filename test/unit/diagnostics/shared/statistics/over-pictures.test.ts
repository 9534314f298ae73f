/** Intervals over pictures against published tables and cases by hand. */
import assert from 'node:assert/strict';
import {
  fewestChanged,
  pairedDifference,
  pairedProportions,
  pooled,
  shareInterval,
} from '../../../../../diagnostics/shared/statistics/over-pictures';
import { student975 } from '../../../../../diagnostics/shared/statistics/student';

const near = (value: number | undefined, expected: number, tolerance: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) - expected) <= tolerance, `${value} instead of ${expected}`);

describe('intervals over pictures', () => {
  it('Student’s t: the printed table', () => {
    for (const [freedom, t] of [
      [1, 12.706],
      [2, 4.303],
      [3, 3.182],
      [4, 2.776],
      [9, 2.262],
      [19, 2.093],
      [30, 2.042],
      [60, 2.0],
      [120, 1.98],
    ] as const) {
      near(student975(freedom), t, 5e-4);
    }
    assert.throws(() => student975(0), /no 0 degrees/);
  });

  it('Tango: the interval printed for 1 and 7 discordant of 21 pairs (Fagerland, Lydersen and Laake 2014)', () => {
    const { difference, low, high } = pairedProportions(21, 1, 7);
    near(difference, -6 / 21, 1e-12);
    near(low, -0.517, 5e-4);
    near(high, -0.026, 5e-4);
  });

  it('Tango: without a discordant pair z^2 / (n + z^2) on both sides; all discordant one way ends at 1', () => {
    const { low, high } = pairedProportions(20, 0, 0);
    near(high, 3.841459 / 23.841459, 1e-6);
    near(low, -3.841459 / 23.841459, 1e-6);
    near(pairedProportions(10, 10, 0).high, 1, 1e-9);
    const mirrored = pairedProportions(21, 7, 1);
    near(mirrored.low, 0.026, 5e-4);
    near(mirrored.high, 0.517, 5e-4);
  });

  it('Tango: leaves 0 out exactly where McNemar’s statistic passes 3.84', () => {
    for (let more = 0; more <= 12; more++) {
      for (let fewer = 0; fewer <= 12; fewer++) {
        const { low, high } = pairedProportions(30, more, fewer);
        const mcnemar = more + fewer === 0 ? 0 : (more - fewer) ** 2 / (more + fewer);
        assert.equal(low > 1e-9 || high < -1e-9, mcnemar > 3.841459, `${more} and ${fewer}`);
      }
    }
  });

  it('Wilson: the intervals printed for 81 of 263 and 15 of 148 (Newcombe 1998)', () => {
    const units = (part: number, whole: number) =>
      Array.from({ length: whole }, (_, at) => ({ part: at < part ? 1 : 0, whole: 1 }));
    // Between independent units deff is n / (n - 1): a hair wider than the printed one.
    const [one, other] = [shareInterval(units(81, 263)), shareInterval(units(15, 148))];
    near(one?.low, 0.2553, 3e-4);
    near(one?.high, 0.3662, 3e-4);
    near(other?.low, 0.0624, 3e-4);
    near(other?.high, 0.1605, 3e-4);
    assert.equal(shareInterval([{ part: 0, whole: 0 }]), null);
    assert.equal(pooled([{ part: 0, whole: 0 }]), null);
    near(shareInterval(units(10, 10))?.low, 1 / (1 + 3.841459 / 10), 1e-6);
  });

  it('answers that always agree within a picture count as one', () => {
    const pictures = Array.from({ length: 40 }, (_, at) => ({ part: at % 4 === 0 ? 1 : 0, whole: 1 }));
    const copied = pictures.map(({ part, whole }) => ({ part: 6 * part, whole: 6 * whole }));
    const [single, many] = [shareInterval(pictures), shareInterval(copied)];
    near(many?.low, single?.low ?? Number.NaN, 1e-12);
    near(many?.high, single?.high ?? Number.NaN, 1e-12);
  });

  it('the jackknife of a mean is the paired t interval of the textbooks', () => {
    // Student's sleep data, second drug minus first: mean 1.58, 95 % interval 0.7001 to 2.4599 (R, t.test paired).
    const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    const pairs = first.map((value, at) => [value, second[at] ?? 0] as const);
    const found = pairedDifference(
      pairs,
      (of, which) => of.reduce((sum, pair) => sum + pair[which], 0) / of.length,
      ([one, other]) => one !== other,
    );
    near(found?.difference, 1.58, 1e-9);
    near(found?.low, 0.7001142, 1e-4);
    near(found?.high, 2.4598858, 1e-4);
  });

  it('no interval where fewer than six pictures changed, or nothing can be divided', () => {
    const pairs = Array.from({ length: 30 }, (_, at) => [0, at < fewestChanged - 1 ? 1 : 0] as const);
    const mean = (of: readonly (readonly [number, number])[], which: 0 | 1): number =>
      of.reduce((sum, pair) => sum + pair[which], 0) / of.length;
    const differs = ([one, other]: readonly [number, number]): boolean => one !== other;
    assert.equal(pairedDifference(pairs, mean, differs), null);
    assert.notEqual(pairedDifference([...pairs, [0, 1]], mean, differs), null);
    assert.equal(
      pairedDifference([...pairs, [0, 1]], () => null, differs),
      null,
    );
  });
});
