import assert from 'node:assert/strict';
import { scored, type CodedTraining } from '../../../../../diagnostics/circuits/sae-circuits/scores';
import type { SaeResult } from '../../../../../diagnostics/circuits/sae-circuits/result';

describe('the ranking of heads by codes', () => {
  it('has the mean area over trainings, with an interval that stays between 0 and 1', () => {
    // A head whose prompts have a code of their own (1 pair: prompt, counterpart), and one whose prompts have none.
    const [own, none] = [Int32Array.of(1, 0), Int32Array.of(0, 0)];
    const training = (first: Int32Array, second: Int32Array): CodedTraining => ({
      training: { points: [], checkpoints: [], steps: 1 } as unknown as CodedTraining['training'],
      members: 2,
      coded: [{ codes: [first, second], error: 0, errorOthers: 0, active: 0 }],
      untrained: [none, none],
    });
    const result = {
      heads: [2],
      features: 2,
      share: false,
      pairs: 1,
      reference: { heads: [{ layer: 0, head: 0 }], from: '' },
    } as unknown as SaeResult;
    const baseline = { norm: 1, difference: 0, separation: 0.5 };
    const { rankings } = scored(result, {
      // The head that is sought comes first, then no head before the other: areas 1 and 1 / 2.
      codings: [training(own, none), training(none, none)],
      baselines: [[baseline, baseline]],
      variance: 1,
    });
    const node = rankings?.find(({ name }) => name === 'node');
    // Student's t of one degree of freedom reaches 12.7 times the error of 0.25, far beyond both ends.
    assert.deepEqual(node?.each, { mean: 0.75, low: 0, high: 1 });
  });
});
