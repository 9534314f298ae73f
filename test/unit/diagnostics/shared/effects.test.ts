import assert from 'node:assert/strict';
import {
  beyondChance,
  gapOf,
  nullOf,
  valueOf,
  type Measured,
} from '../../../../diagnostics/shared/effects/patch-effects';
import { metricOf } from '../../../../diagnostics/shared/effects/metric';
import { studentReach } from '../../../../diagnostics/shared/statistics/student';

const near = (found: number | undefined, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${found} and ${expected}`);

describe('the effect of a patch', () => {
  const prompts: readonly Measured[] = [
    { clean: 3, corrupted: 1, patched: [2, 1], random: [1, 1] },
    { clean: 5, corrupted: 1, patched: [4, 1], random: [1.5, 1] },
    { clean: 4, corrupted: -2, patched: [1, -2], random: [-2.5, -2] },
  ];

  it('is the ratio of the mean changes, with the interval of a ratio estimator', () => {
    // Changes 1, 3, 3 of gaps 2, 4, 6: 7/12. Residuals over the mean gap of 4: (-1/6, 2/3, -1/2) / 4.
    const { mean, low, high } = valueOf(prompts, 0);
    near(mean, 7 / 12);
    const sd = Math.sqrt(((1 / 6) ** 2 + (2 / 3) ** 2 + (1 / 2) ** 2) / 2) / 4;
    // 4.302653 is the 97.5 % quantile of Student's t with 2 degrees of freedom.
    near(high - mean, (4.302653 * sd) / Math.sqrt(3), 1e-6);
    near(mean - low, high - mean);
    near(gapOf(prompts).mean, 4);
    near(nullOf(prompts, 0)?.mean, 0);
  });

  it('is nothing where clean and corrupted do not differ', () => {
    assert.ok(Number.isNaN(valueOf([{ clean: 1, corrupted: 1, patched: [2] }], 0).mean));
  });

  it('is more than chance where it is other than none and goes further than random pairs', () => {
    const many = (own: number, random: number | undefined): readonly Measured[] =>
      Array.from({ length: 12 }, (_, i) => ({
        clean: 10 + (i % 3),
        corrupted: 0,
        patched: [own * (10 + (i % 2))],
        ...(random === undefined ? {} : { random: [random * (10 + (i % 4))] }),
      }));
    assert.equal(beyondChance(many(0.5, 0.1), 0, 10, 0), true);
    assert.equal(beyondChance(many(0.5, 0.9), 0, 10, 0), false, 'random pairs do more');
    assert.equal(beyondChance(many(0, 0.4), 0, 10, 0), false, 'no effect, random pairs have one');
    assert.equal(beyondChance(many(-0.5, 0.1), 0, 10, 0), true);
    assert.equal(beyondChance(many(0.5, undefined), 0, 10, 0), true);
    assert.equal(beyondChance(many(0.5, 0.1), 0, 10, 1), true, 'noising, whatever random pairs take away');
    assert.equal(beyondChance(many(1, 1), 0, 10, 1), false, 'noising that takes nothing away');
    assert.equal(beyondChance(many(0.5, 0.1).slice(0, 1), 0, 10, 0), undefined);
  });
});

describe('metrics of the next token', () => {
  // The vocabulary has three tokens with probabilities 1/2, 1/3, 1/6.
  const logSumExp = 2;
  const logit = (probability: number): number => Math.log(probability) + logSumExp;
  const answer = { logits: [1 / 2, 1 / 3, 1 / 6].map(logit), logSumExp, entropy: 0, largest: 8 };

  it('take the right answers together and the wrong ones too', () => {
    const tokens = [8, 4, 2];
    near(metricOf('logit-difference', answer, tokens, 2), (Math.log(1 / 2) + Math.log(1 / 3)) / 2 - Math.log(1 / 6));
    near(metricOf('probability', answer, tokens, 2), 5 / 6);
    near(metricOf('probability-difference', answer, tokens, 2), 4 / 6);
    near(metricOf('loss', answer, tokens, 1), Math.log(2));
    near(metricOf('loss', answer, tokens, 2), -Math.log(5 / 6));
    assert.equal(metricOf('accuracy', answer, tokens, 1), 1);
    assert.equal(metricOf('accuracy', { ...answer, largest: 2 }, tokens, 2), 0);
  });
});

describe("Student's t", () => {
  it('has the quantiles of the tables', () => {
    // Two-sided 95 % and 99.9 % (Abramowitz and Stegun, table 26.10).
    near(studentReach(0.95, 10), 2.228, 5e-4);
    near(studentReach(0.999, 10), 4.587, 5e-4);
    near(studentReach(0.999, 1), 636.62, 5e-2);
  });
});
