import assert from 'node:assert/strict';
import { passesOf } from '../../../../../diagnostics/circuits/attribution/passes';
import {
  attributionTable,
  type AttributionParameters,
} from '../../../../../diagnostics/circuits/attribution/parameters';
import { slopeOf } from '../../../../../diagnostics/shared/gradients/slope';
import { metricOf } from '../../../../../diagnostics/shared/effects/metric';
import { resolveTable } from '../../../../../protocol/analysis/parameters';

describe('attribution', () => {
  it('takes the slope that the metric has, by central differences', () => {
    const [logits, logSumExp, right, step] = [[1.2, -0.4, 0.7], 2.5, 2, 1e-5];
    for (const metric of ['logit-difference', 'probability', 'probability-difference', 'loss'] as const) {
      const at = (changed: readonly number[], sum: number): number =>
        metricOf(metric, { logits: changed, logSumExp: sum, largest: 0 }, [0, 1, 2], right);
      const slope = slopeOf(metric, { logits, logSumExp }, right);
      const found = [...slope.logits, slope.logSum];
      found.forEach((value, i) => {
        const moved = (by: number): number =>
          at(
            logits.map((logit, j) => logit + (i === j ? by : 0)),
            logSumExp + (i === logits.length ? by : 0),
          );
        const expected = (moved(step) - moved(-step)) / (2 * step);
        assert.ok(Math.abs(value - expected) < 1e-8, `${metric}, ${i}: ${value}, not ${expected}`);
      });
    }
  });

  it('has the slope of a loss whose probability is 0 in float64', () => {
    assert.deepEqual(slopeOf('loss', { logits: [-2000], logSumExp: 0 }, 1), { logits: [-1], logSum: 1 });
  });

  it('takes a fifth of the passes of exact patching from 384 heads on', () => {
    const resolved = resolveTable('attribution', attributionTable, {});
    assert.ok(resolved.ok);
    const values: AttributionParameters = resolved.values;
    // 24 layers of 16 heads and an MLP. 4 for outputs and levels, 5 gradients of 3, 2 before patches, 41 largest, 12 drawn.
    assert.deepEqual(passesOf([408, 0], values, true), { taken: 4 + 15 + 2 + 41 + 12, exact: 4 + 408 });
    // With 16 positions: 39 largest, 12 drawn.
    const whole = passesOf([408, 384], values, true);
    assert.deepEqual(whole, { taken: 74 + 39 + 12, exact: 412 + 386 });
    assert.ok(whole.exact / whole.taken >= 5 && 412 / 74 >= 5);
  });
});
