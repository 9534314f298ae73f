/** Accuracy of a task: shares by what was drawn, and the paired comparison of two runs, against counts by hand. */
import assert from 'node:assert/strict';
import { compareAccuracy } from '../../../../../diagnostics/circuits/task-accuracy/comparison';
import { factShares, shareOf } from '../../../../../diagnostics/shared/accuracy/fact-shares';
import type { PromptScore, TaskAccuracyResult } from '../../../../../diagnostics/shared/accuracy/scored-prompts';

const prompt = (at: number, correct: boolean, value: number): PromptScore => ({
  prompt: `prompt ${at}`,
  counterpart: null,
  right: [' yes'],
  top: correct ? ' yes' : ' no',
  correct,
  value,
  facts: { length: at % 2 === 0 ? 128 : 64, number: at, template: 'one' },
});

const resultOf = (prompts: readonly PromptScore[]): TaskAccuracyResult => ({
  task: 'own',
  title: 'Own',
  metric: 'logit-difference',
  accuracy: shareOf(prompts),
  mean: { mean: 0, low: 0, high: 0 },
  prompts,
  byFact: [],
  notes: [],
  total: prompts.length,
});

describe('task accuracy', () => {
  const prompts = Array.from({ length: 10 }, (_, at) => prompt(at, at % 2 === 0 || at === 1, at));

  it('is the share of correct prompts, with the interval of Wilson', () => {
    const { value, low, high, correct, n } = shareOf(prompts);
    assert.deepEqual([value, correct, n], [0.6, 6, 10]);
    // Wilson's interval of 6 of 10: 0.3127 to 0.8318 (Brown, Cai and DasGupta 2001 give the formula).
    assert.ok(Math.abs(low - 0.3127) < 1e-4 && Math.abs(high - 0.8318) < 1e-4, `${low} to ${high}`);
  });

  it('is split by facts that several prompts share, smallest first: not by one that all or none have in common', () => {
    const shares = factShares(prompts);
    assert.deepEqual(
      shares.map(({ fact, value, share }) => [fact, value, share.correct, share.n]),
      [
        ['length', '64', 1, 5],
        ['length', '128', 5, 5],
      ],
    );
  });

  it('compares two runs prompt by prompt', () => {
    // Prompts 0 and 2 are lost, 3 is gained, each by 2; the others stay.
    const second = prompts.map((one, at) =>
      [0, 2, 3].includes(at) ? prompt(at, !one.correct, one.value + (at === 3 ? 2 : -2)) : one,
    );
    const [change, changed] = compareAccuracy(resultOf(prompts), resultOf(second));
    assert.ok(change?.kind === 'table' && changed?.kind === 'table');
    const [accuracy = [], mean = []] = change.rows;
    assert.ok(Math.abs(Number(accuracy[1]) - -0.1) < 1e-12);
    assert.deepEqual(accuracy.slice(4), [1, 2]);
    assert.ok(Math.abs(Number(mean[1]) - -0.2) < 1e-12);
    assert.deepEqual(
      changed.rows.map((row) => row[3]),
      [-2, -2, 2],
    );
  });

  it('says so where the two have no prompt in common', () => {
    const others = prompts.map((one) => ({ ...one, prompt: `other ${one.prompt}` }));
    const [only, ...more] = compareAccuracy(resultOf(prompts), resultOf(others));
    assert.equal(only?.kind, 'text');
    assert.equal(more.length, 0);
  });
});
