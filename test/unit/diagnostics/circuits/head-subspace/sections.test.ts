/** What a result on the directions of one head shows. */
import assert from 'node:assert/strict';
import type { Both, SubspaceResult } from '../../../../../diagnostics/circuits/head-subspace/result';
import { sections } from '../../../../../diagnostics/circuits/head-subspace/sections';

const both = (loss: number, accuracy: number): Both => {
  const of = (mean: number) => ({ mean, low: mean, high: mean });
  const answers = { loss: of(loss), accuracy: of(accuracy) };
  return { fit: answers, held: answers };
};

const result: SubspaceResult = {
  ...{ head: { layer: 0, head: 1 }, named: true, direct: 1, onLabels: 0.5, onOptions: 0.25, at: 'labels' },
  ...{ labels: ['A', 'B'], notes: [], basis: 'class means', rank: 1, fit: 4, held: 4, sharing: 1 },
  chance: { accuracy: 0.5, loss: Math.LN2 },
  full: both(0.1, 1),
  ablated: both(0.75, 0.5),
  values: { query: [2], key: [2], value: [2] },
  points: { query: [], key: [], value: [] },
  compressed: [{ input: 'all', rank: 1, kept: 1, ...both(0.125, 0.75) }],
  random: [],
  mutations: [],
};

describe('sections of head-subspace', () => {
  it('draw accuracy from 0 to 1 with chance, and loss without it', () => {
    const charts = sections(result).flatMap((section) => (section.kind === 'chart' ? [section] : []));
    const [loss, accuracy] = ['loss', 'accuracy'].map((id) => charts.find((one) => one.id === id));
    assert.deepEqual([accuracy?.y.min, accuracy?.y.max], [0, 1]);
    assert.deepEqual(
      [loss, accuracy].map((chart) => chart?.references?.map(({ label, from }) => [label, from[1]])),
      [
        [
          ['whole head', 0.1],
          ['mean output', 0.75],
        ],
        [
          ['whole head', 1],
          ['mean output', 0.5],
          ['chance', 0.5],
        ],
      ],
    );
    assert.deepEqual(accuracy?.series.find(({ id }) => id === 'all')?.points, [
      { x: 1, y: 0.75, low: 0.75, high: 0.75 },
    ]);
  });
});
