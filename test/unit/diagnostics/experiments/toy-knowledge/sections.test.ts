import assert from 'node:assert/strict';
import { sections } from '../../../../../diagnostics/experiments/toy-knowledge/sections';

describe('the sections of toy knowledge', () => {
  it('show the mean F1 of each length that was measured, with intervals that stay between 0 and 1', () => {
    const run = (seed: number, value: number) => ({
      arm: 'both',
      seed,
      curves: {
        loss: [{ step: 10, mean: 1, low: 1, high: 1 }],
        measures: { 'f1 of 8': [{ step: 10, value }] },
      },
    });
    const arms = {
      arms: [{ id: 'both', title: 'Both', parameters: 1 }],
      steps: 10,
      runs: [run(1, 0.25), run(2, 0.75)],
    };
    const chart = sections({ arms }).find(({ id }) => id === 'lengths');
    assert.ok(chart?.kind === 'chart');
    // Student's t of one degree of freedom reaches 12.7 times the error of 0.25, far beyond both ends.
    assert.deepEqual(
      chart.series.map(({ points }) => points),
      [[{ x: 8, y: 0.5, low: 0, high: 1 }]],
    );
  });
});
