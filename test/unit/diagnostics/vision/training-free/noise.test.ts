import assert from 'node:assert/strict';
import { noised, signalLeft } from '../../../../../diagnostics/vision/training-free/noise';
import { random } from '../../../../../kernels/tensors/random';

describe('noise of a diffusion on a picture', () => {
  // The schedule of the released vcd_add_noise.py, computed in Python.
  it('leaves as much of the picture as the released schedule', () => {
    for (const [step, left] of [
      [0, 0.9999776616104484],
      [500, 0.7447985260430766],
      [999, 0.0812491943039999],
    ] as const) {
      assert.ok(Math.abs(signalLeft(step) - left) < 1e-12, `step ${step}: ${signalLeft(step)}`);
    }
  });

  it('keeps sqrt(a) of every number and adds normal noise of the variance 1 - a', () => {
    const made = noised(new Float32Array(40_000).fill(2), 500, random(7));
    const mean = made.reduce((sum, value) => sum + value, 0) / made.length;
    const variance = made.reduce((sum, value) => sum + (value - mean) ** 2, 0) / made.length;
    // Four standard errors.
    assert.ok(Math.abs(mean - 2 * Math.sqrt(0.7447985)) < 4 * Math.sqrt(0.2552 / 40_000), String(mean));
    assert.ok(Math.abs(variance - 0.2552015) < 4 * 0.2552 * Math.sqrt(2 / 40_000), String(variance));
    assert.deepEqual(noised(Float32Array.of(1, 2), 3, random(1)), noised(Float32Array.of(1, 2), 3, random(1)));
  });
});
