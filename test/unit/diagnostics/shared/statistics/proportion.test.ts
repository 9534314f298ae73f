import assert from 'node:assert/strict';
import { wilson } from '../../../../../diagnostics/shared/statistics/proportion';

describe("Wilson's interval of a share", () => {
  it('is that of 5 of 10 by the formula, and ends at 0 and 1 where the share does', () => {
    // z = 1.96: (0.5 + z^2 / 20 -+ z sqrt(0.025 + z^2 / 400)) / (1 + z^2 / 10).
    const { low, high } = wilson(0.5, 10);
    assert.ok(Math.abs(low - 0.2366) < 1e-4 && Math.abs(high - 0.7634) < 1e-4, `${low} to ${high}`);
    for (let n = 1; n <= 100; n++) {
      assert.equal(wilson(0, n).low, 0);
      assert.equal(wilson(1, n).high, 1);
    }
  });
});
