import assert from 'node:assert/strict';
import { finding } from '../../../../../diagnostics/experiments/toy-gaze/sections';

describe('the finding of toy gaze', () => {
  it('says mean shares over runs, with intervals that stay between 0 and 1', () => {
    const run = (seed: number, value: number) => ({
      arm: 'matched',
      seed,
      curves: {
        loss: [{ step: 10, mean: 1, low: 1, high: 1 }],
        measures: { accuracy: [{ step: 10, value }] },
      },
    });
    const arms = {
      arms: [{ id: 'matched', title: 'Matched', parameters: 1 }],
      steps: 10,
      runs: [run(1, 0.4), run(2, 0.8)],
    };
    // Student's t of one degree of freedom reaches 12.7 times the error of 0.2, far beyond both ends.
    assert.match(finding({ arms }), /predicted for 0\.6 \(0 to 1\) of the steps with distance-matched positions/u);
    assert.match(finding({ arms }), /not measured with sinusoidal ones/u);
  });
});
