/** What is said of the runs of the random-feature experiment, on numbers by hand. */
import assert from 'node:assert/strict';
import { compareLenses } from '../../../../../diagnostics/experiments/rfa-lens/compare';
import { finding } from '../../../../../diagnostics/experiments/rfa-lens/finding';
import type { LensResult, Measured } from '../../../../../diagnostics/experiments/rfa-lens/result';
import { overRuns, slopeIn, wins } from '../../../../../diagnostics/experiments/rfa-lens/summary';

const fit = (model: Measured['model'], at: number, run: number, T1: number, T2: number): Measured => ({
  ...{ curve: 'examples', model, at, run, T1, T2, mixed: T1 + T2 },
});

const result: LensResult = {
  sizes: {
    ...{ dimension: 8, keys: 8, heads: 10, examples: 400, fewExamples: 200, runs: 2 },
    ...{ meanStrength: 1, first: 2, second: 1, angle: 45 },
  },
  constant: { T1: 0.15, T2: 1, mixed: 0.3 },
  measured: [
    // Errors as 1 / n: a slope of -1.
    ...[100, 200, 400].flatMap((n) => [fit('RFA', n, 0, 10 / n, 40 / n), fit('RFA', n, 1, 30 / n, 40 / n)]),
    fit('BRFA', 400, 0, 0.05, 0.05),
    fit('BRFA', 400, 1, 0.05, 0.2),
    fit('RFMLP', 400, 0, 0.2, 0.5),
    fit('RFMLP', 400, 1, 0.07, 0.5),
    { ...fit('BRFA', 2, 0, 0.1, 0.1), curve: 'mean' },
    { ...fit('BRFA', 2, 1, 0.1, 0.1), curve: 'mean' },
  ],
};

describe('the summary of the random-feature experiment', () => {
  it('takes means, ends and intervals over runs, and the slope through the means', () => {
    const found = overRuns(result, { curve: 'examples', at: 400, model: 'RFA' }, 'T1')!;
    assert.ok(Math.abs(found.mean - 0.05) < 1e-12);
    assert.deepEqual([found.least, found.most], [0.025, 0.075]);
    // Student's t of one degree of freedom: 12.706 standard errors of 0.025.
    assert.ok(Math.abs(found.high - (0.05 + 12.7062 * 0.025)) < 1e-4);
    assert.ok(Math.abs(slopeIn(result, 'RFA', 'T1')! + 1) < 1e-12);
    assert.equal(slopeIn(result, 'BRFA', 'T1'), undefined);
    assert.equal(overRuns(result, { curve: 'heads', at: 10, model: 'RFA' }, 'T1'), undefined);
  });

  it('counts the runs in which one model is below another, paired by run', () => {
    assert.deepEqual(wins(result, 'T1', 'RFA', 'RFMLP'), { won: 1, runs: 2 });
    assert.deepEqual(wins(result, 'T2', 'BRFA', 'RFA'), { won: 1, runs: 2 });
    assert.equal(
      finding(result),
      'After 400 examples the relative test error is on T1 (degree 2) 0.05 with RFA, 0.05 with BRFA and 0.135 with RFMLP (0.15 when the mean is predicted) and on T2 (degree 1) 0.1 with RFA, 0.125 with BRFA and 0.5 with RFMLP (1 when the mean is predicted). The error of RFA is below that of RFMLP on T1 in 1 of 2 runs and on T2 in 2 of 2. The error of BRFA is below that of RFA on T1 in 1 of 2 runs and on T2 in 1 of 2.',
    );
    const [first] = result.measured.filter(({ curve }) => curve === 'mean');
    const half = { ...result, measured: result.measured.filter((one) => one.curve !== 'mean' || one === first) };
    assert.equal(finding(half), '1 run has ended of 2 so far.');
  });

  it('compares two results, the largest change first', () => {
    const other = {
      ...result,
      measured: result.measured.map((one) => (one.model === 'RFMLP' ? { ...one, T2: 4 * one.T2 } : one)),
    };
    const [table] = compareLenses(result, other);
    assert.ok(table?.kind === 'table');
    assert.deepEqual(table.rows[0], ['RFMLP', 'T2', 0.5, 2, 4]);
    assert.equal(table.rows.length, 9);
  });
});
