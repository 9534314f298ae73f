import assert from 'node:assert/strict';
import wilcoxon from '@stdlib/stats-wilcoxon';
import { quantileSorted } from 'simple-statistics';
import {
  cabEfficiencyLength,
  decideEfficiencyLength,
  lastCrossing,
  measuredCrossover,
} from '../../../compute-server/harness/statistics/efficiency-length';
import { lineFit, powerFit, quadraticFit } from '../../../compute-server/harness/statistics/fits';
import type { Curve } from '../../../compute-server/harness/statistics/fits';
import { ratioOfPairs } from '../../../compute-server/harness/statistics/ratio';
import { signedRank } from '../../../compute-server/harness/statistics/signed-rank';
import { summary } from '../../../compute-server/harness/statistics/summary';
import { random } from '../../../kernels/tensors/random';
import { significance, verdict } from '../../../protocol/results/verdict';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);

const lengths = [256, 512, 1024, 2048, 4096, 8192];
const curve = (values: readonly number[]): Curve => values.map((value, index) => [lengths[index]!, value] as const);

describe('efficiency length', () => {
  it('gives the published memory length of ABC from the published data', () => {
    const fit = cabEfficiencyLength(
      curve([81, 265, 952, 3604, 14020, 55300]),
      curve([42, 80, 156, 308, 612, 1220]),
      false,
    );
    near(fit?.root as number, 69.5, 0.1);
  });

  it('gives the published time length of ABC, whose shortest length is left out', () => {
    const fit = cabEfficiencyLength(
      curve([472, 628, 721, 981, 3670, 18437]),
      curve([648, 590, 602, 910, 1006, 1509]),
      true,
    );
    assert.equal(Math.round(fit?.root as number), 1877);
  });

  it('is d / a for the curves a n^2 and d n', () => {
    const [a, d] = [3e-7, 4.2e-4];
    const fit = cabEfficiencyLength(
      lengths.map((n) => [n, a * n * n] as const),
      lengths.map((n) => [n, d * n] as const),
      true,
    );
    near((fit?.root as number) / (d / a), 1, 1e-6);
  });

  it('is "always" or "never" without a positive root, by the sign of the difference', () => {
    const parabola = { a: 1, b: 0, c: 5, r2: 1 };
    assert.equal(lastCrossing(parabola, { a: 0, b: 0, c: 1, r2: 1 }), 'always');
    assert.equal(lastCrossing({ ...parabola, a: -1 }, { a: 0, b: 0, c: 9, r2: 1 }), 'never');
    assert.equal(lastCrossing({ a: 0, b: 1, c: 0, r2: 1 }, { a: 0, b: 2, c: 0, r2: 1 }), 'never');
    assert.equal(lastCrossing({ a: 0, b: 2, c: 0, r2: 1 }, { a: 0, b: 1, c: 100, r2: 1 }), 100);
  });

  it('needs more lengths than coefficients', () => {
    const [three, four] = [curve([1, 2, 3]), curve([1, 2, 3, 4])];
    assert.equal(cabEfficiencyLength(three, three, false), undefined);
    assert.equal(cabEfficiencyLength(four, three, true), undefined);
    assert.notEqual(cabEfficiencyLength(four, four, true), undefined);
  });

  const comparisons = (faster: readonly boolean[]) =>
    faster.map((value, index) => ({ length: lengths[index]!, faster: value }));

  it('is measured from the shortest length on which every longer one wins', () => {
    assert.equal(measuredCrossover(comparisons([false, true, false, true, true])), 2048);
    assert.equal(measuredCrossover(comparisons([true, true])), 256);
    assert.equal(measuredCrossover(comparisons([true, false])), null);
    assert.equal(measuredCrossover([]), null);
  });

  it('takes the fitted root only inside the measured bracket', () => {
    const fit = (root: number) => ({ root, baseline: lineFit(curve([1, 2])), mechanism: lineFit(curve([1, 2])) });
    const measured = comparisons([false, false, true, true]);
    assert.equal(decideEfficiencyLength(measured, fit(700.4)), 700);
    assert.equal(decideEfficiencyLength(measured, fit(300)), 1024);
    assert.equal(decideEfficiencyLength(measured, fit(5000)), 1024);
    assert.equal(decideEfficiencyLength(measured, undefined), 1024);
    assert.equal(decideEfficiencyLength(comparisons([true, true]), fit(100)), 256);
    assert.equal(decideEfficiencyLength(comparisons([true, false]), fit(300)), null);
  });
});

describe('fits', () => {
  it('find the exponent of a power law', () => {
    const fit = powerFit(lengths.map((n) => [n, 7e-6 * n ** 1.5] as const));
    near(fit.exponent, 1.5, 1e-9);
    near(fit.r2, 1, 1e-9);
  });

  it('find the coefficients of a parabola over four decades of length', () => {
    const fit = quadraticFit([1, 30, 900, 32768].map((n) => [n, 2e-6 * n * n - 3e-3 * n + 11] as const));
    near(fit.a, 2e-6, 1e-12);
    near(fit.b, -3e-3, 1e-8);
    near(fit.c, 11, 1e-6);
    near(fit.r2, 1, 1e-9);
  });
});

describe('summary', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 10 + ((index * 37) % 100) / 100);

  it('gives median, quartiles and spread of a known sample', () => {
    const { median, quartiles, relativeSd } = summary([4, 1, 3, 2, 5]);
    assert.equal(median, 3);
    assert.deepEqual(quartiles, [2, 4]);
    near(relativeSd, Math.sqrt(2) / 3, 1e-12);
  });

  it('does not depend on the order, and one outlier of a hundred moves neither median nor quartiles', () => {
    const plain = summary(samples);
    assert.deepEqual(summary([...samples].reverse()), plain);
    const disturbed = summary(samples.map((sample) => (sample === Math.max(...samples) ? sample * 100 : sample)));
    assert.equal(disturbed.median, plain.median);
    assert.deepEqual(disturbed.quartiles, plain.quartiles);
    assert.equal(disturbed.relativeError, plain.relativeError);
  });

  it('estimates the standard error of the median: 1.2533 sd / sqrt(n) for normal numbers', () => {
    // Normal numbers by their quantiles (logistic approximation of the probit is within 1 % here).
    const n = 2001;
    const normal = Array.from({ length: n }, (_, i) => 100 + probit((i + 0.5) / n));
    near(summary(normal).relativeError, (1.2533 / Math.sqrt(n)) * 0.01, 0.00001);
  });

  it('has no standard error with one sample', () => assert.equal(summary([3]).relativeError, Infinity));
});

/** Inverse of the normal distribution function, by bisection of a series for erf. */
function probit(p: number): number {
  let [low, high] = [-6, 6];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    let [term, sum] = [middle, middle];
    for (let k = 1; k < 200; k++) sum += (term *= (-middle * middle) / (2 * k)) / (2 * k + 1);
    if (0.5 + sum / Math.sqrt(2 * Math.PI) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** All averages of two values, a value with itself among them, ascending. */
const walshAverages = (values: readonly number[]): number[] =>
  values.flatMap((x, i) => values.slice(i).map((y) => (x + y) / 2)).sort((a, b) => a - b);

describe('ratio of pairs', () => {
  it('has the exact p of the signed-rank test when every pair agrees: 2 / 2^n', () => {
    const mechanism = Array.from({ length: 10 }, (_, i) => 10 + i);
    const ratio = ratioOfPairs(
      mechanism.map((time, i) => time * (1.5 + i / 100)),
      mechanism,
    );
    near(ratio.p, 2 / 2 ** 10, 1e-12);
    const logs = mechanism.map((_, i) => Math.log(1.5 + i / 100));
    near(ratio.median, Math.exp(quantileSorted(walshAverages(logs), 0.5)), 1e-12);
    near(ratio.median, 1.545, 1e-3);
    assert.equal(verdict(ratio), 'faster');
  });

  it('agrees with the published example of the test (Hollander & Wolfe 1973, p. 29: V = 40, p = 0.03906)', () => {
    const x = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
    const y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
    // Logarithms of exponentials are the plain differences.
    near(ratioOfPairs(x.map(Math.exp), y.map(Math.exp)).p, 0.0390625, 1e-9);
  });

  it('swaps into its inverse', () => {
    const [x, y] = [
      [1.1, 1.3, 1.2, 1.4, 1.25, 1.31, 1.29],
      [2.2, 2.3, 2.5, 2.1, 2.45, 2.6, 2.2],
    ];
    const [forth, back] = [ratioOfPairs(x, y), ratioOfPairs(y, x)];
    near(forth.median * back.median, 1, 1e-12);
    near(forth.low * back.high, 1, 1e-12);
    near(forth.p, back.p, 1e-12);
    assert.equal(verdict(forth), 'slower');
  });

  it('calls nothing different when the times are equal or differ by less than the resolution', () => {
    const times = Array.from({ length: 40 }, (_, i) => 5 + (i % 7) / 10);
    assert.deepEqual(ratioOfPairs(times, times), { median: 1, low: 1, high: 1, p: 1 });
    const slightly = ratioOfPairs(
      times.map((time, i) => time * (1.005 + (i % 5) / 10_000)),
      times,
    );
    assert.ok(slightly.p < 0.001);
    assert.equal(verdict(slightly), 'same');
  });

  it('gives the interval of the test by the tabulated ranks of the Walsh averages', () => {
    // Hollander and Wolfe, table A.4: n = 10 -> the 9th of 55 averages, n = 6 -> the first of 21, n = 20 -> the 53rd of 210.
    for (const [n, rank] of [
      [6, 1],
      [10, 9],
      [20, 53],
    ] as const) {
      const values = Array.from({ length: n }, (_, i) => Math.sin(i * 7.3) + i / 9);
      const { low, high, estimate } = signedRank(values);
      const averages = walshAverages(values);
      near(low, averages[rank - 1]!, 1e-12);
      near(high, averages.at(-rank)!, 1e-12);
      near(estimate, quantileSorted(averages, 0.5), 1e-12);
    }
    // Too few for any interval: the whole range.
    assert.deepEqual([signedRank([1, 2, 3]).low, signedRank([1, 2, 3]).high], [1, 3]);
  });

  it('leaves 1 out of its interval exactly when p < 5 %, counted and normal, with ties and without', () => {
    const source = random(5);
    let [different, same] = [0, 0];
    for (const n of [6, 7, 8, 12, 30, 50, 51, 80, 300]) {
      for (let trial = 0; trial < 60; trial++) {
        const shift = (4 * (source.uniform() - 0.5)) / Math.sqrt(n);
        const values = Array.from({ length: n }, () => source.uniform() - 0.5 + shift * source.uniform());
        const tied = trial % 3 === 0 ? values.map((value) => Math.round(value * 8) / 8) : values;
        const { low, high, p, estimate } = signedRank(tied);
        assert.equal(low > 0 || high < 0, p < significance, `n = ${n}: ${low} to ${high}, p ${p}`);
        assert.ok(low <= estimate && estimate <= high);
        if (p < significance) different++;
        else same++;
      }
    }
    assert.ok(different > 100 && same > 100);
  });

  it('has the p of another implementation where no two differences are equal in size', () => {
    const source = random(6);
    for (const n of [6, 9, 15, 40, 49, 120]) {
      const values = Array.from({ length: n }, () => source.uniform() - 0.4);
      // Beyond fifty both take the normal distribution.
      near(signedRank(values).p, wilcoxon([...values]).pValue, n < 50 ? 1e-9 : 1e-6);
    }
  });

  it('says nothing of a single pair', () =>
    assert.deepEqual(ratioOfPairs([2], [1]), { median: 2, low: 2, high: 2, p: 1 }));

  it('refuses lists that are no pairs', () => assert.throws(() => ratioOfPairs([1], [1, 2]), /pairs/));
});
