import assert from 'node:assert/strict';
import { changeOf, drawn, halves } from '../../../../../diagnostics/shared/labelled-heads/halves';
import type { Answered } from '../../../../../diagnostics/shared/labelled-heads/questions';
import { random } from '../../../../../kernels/tensors/random';

describe('halves of labelled prompts', () => {
  const all = Array.from({ length: 9 }, (_, at) => at);

  it('have every prompt once, the larger one to choose heads on, and another order for another seed', () => {
    const [calibration, heldOut] = halves(all, random(3));
    assert.deepEqual([calibration.length, heldOut.length], [5, 4]);
    assert.deepEqual([...calibration, ...heldOut].sort(), all);
    assert.deepEqual(halves(all, random(3))[0], calibration);
    assert.notDeepEqual(halves(all, random(4))[0], calibration);
    assert.throws(() => halves([1], random(3)), /Take more samples/);
    assert.equal(new Set(drawn(all, 4, random(1))).size, 4);
  });

  it('are judged by paired differences', () => {
    const answer = (correct: boolean): Answered => ({ logits: [], right: 1, logProbability: 0, entropy: 0, correct });
    const change = changeOf([true, false, false, false].map(answer), [true, true, true, false].map(answer));
    // Differences 0, 1, 1, 0: mean 0.5, standard error 1 / sqrt(12), t of 3 degrees of freedom 3.18245.
    const reach = 3.182446305 / Math.sqrt(12);
    assert.deepEqual([change.before, change.after, change.change, change.n], [0.25, 0.75, 0.5, 4]);
    assert.ok(Math.abs(change.low - (0.5 - reach)) < 1e-6 && Math.abs(change.high - (0.5 + reach)) < 1e-6);
  });
});
