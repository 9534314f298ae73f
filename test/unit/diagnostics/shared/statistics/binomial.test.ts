import assert from 'node:assert/strict';
import { atLeast } from '../../../../../diagnostics/shared/statistics/binomial';

describe('P(X >= k) of a binomial distribution', () => {
  it('is that of counting', () => {
    assert.equal(atLeast(0, 5, 0.3), 1);
    assert.ok(Math.abs(atLeast(1, 1, 1 / 21) - 1 / 21) < 1e-12);
    // Two coins or more of three: (3 + 1) / 8.
    assert.ok(Math.abs(atLeast(2, 3, 0.5) - 0.5) < 1e-12);
    // A die shows six twice or more in four throws: 1 - (5^4 + 4 * 5^3) / 6^4.
    assert.ok(Math.abs(atLeast(2, 4, 1 / 6) - (1 - (625 + 500) / 1296)) < 1e-12);
    assert.equal(atLeast(4, 3, 0.5), 0);
    assert.equal(atLeast(2, 3, 1), 1);
  });
  it('of many trials does not vanish', () => {
    const tail = atLeast(2000, 4000, 0.5);
    // Half, and half of the middle term, which is 1 / sqrt(pi n / 2).
    assert.ok(Math.abs(tail - (0.5 + 0.5 / Math.sqrt((Math.PI * 4000) / 2))) < 1e-5, String(tail));
  });
});
