import assert from 'node:assert/strict';
import { pearson, spearman } from '../../../../../diagnostics/shared/statistics/correlation';

const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-4, `${found}, not ${expected}`);

describe('correlation', () => {
  it("is Pearson's, by hand", () => {
    // Deviations -2 -1 0 1 2 and -2 0 -1 2 1: products 8, squares 10 and 10.
    const { r, low, high } = pearson([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]);
    near(r, 0.8);
    // atanh 0.8 = 1.09861; 1.95996 / sqrt 2 = 1.38590; tanh of -0.28729 and of 2.48451.
    near(low, -0.27964);
    near(high, 0.98621);
  });

  it("is Spearman's over ranks, equal values with the mean of theirs", () => {
    // A rising curve has the same ranks.
    near(spearman([1, 2, 3, 4], [1, 10, 100, 1000]).r, 1);
    // Ranks 0.5 0.5 2 3 and 0 1 2 3: products 4.5, squares 4.5 and 5; 4.5 / sqrt 22.5.
    near(spearman([7, 7, 8, 9], [1, 2, 3, 4]).r, 0.94868);
    // r 0.8, so that s = sqrt(1.32 / 2) = 0.81240; 1.09861 -+ 1.59228.
    const { low, high } = spearman([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]);
    near(low, -0.45712);
    near(high, 0.99085);
  });

  it('is none where one side does not vary, and has no interval of three pairs', () => {
    assert.ok(Number.isNaN(pearson([1, 2, 3, 4], [5, 5, 5, 5]).r));
    assert.ok(Number.isNaN(pearson([1], [2]).r));
    const { r, low } = pearson([1, 2, 3], [2, 4, 6]);
    near(r, 1);
    assert.ok(Number.isNaN(low));
  });
});
