import assert from 'node:assert/strict';
import {
  bestOf,
  better,
  chooseHeads,
  grid,
  headTypes,
  refined,
} from '../../../../../diagnostics/interventions/zerotuning/choose';
import { scopeOf } from '../../../../../diagnostics/interventions/zerotuning/run';
import type { CurvePoint } from '../../../../../diagnostics/interventions/zerotuning/result';

describe('heads of zerotuning', () => {
  const up = [
    [0.3, -0.2, 0, Number.NaN],
    [0.1, 0.2, -0.1, 0.05],
  ];
  const down = [
    [-0.2, 0.4, 0, Number.NaN],
    [-0.1, 0.1, -0.2, -0.05],
  ];
  const types = headTypes(up, down);

  it('have the type of the larger gain; a head that gains nothing or was not tried has none', () => {
    const names = (heads: readonly { layer: number; head: number }[]) =>
      heads.map(({ layer, head }) => `${layer}.${head}`);
    assert.deepEqual(names(types.upEffective), ['0.0', '1.0', '1.1', '1.3']);
    assert.deepEqual(names(types.downEffective), ['0.1']);
    assert.deepEqual([types.opposite, types.tried], [4, 7]);
    assert.deepEqual(types.profile[0]?.slice(0, 3), [0.3, 0.4, 0]);
  });

  it('are those of the type that gains more in all, the best share of them', () => {
    // 0.3 + 0.1 + 0.2 + 0.05 beside 0.4.
    const { direction, heads } = chooseHeads(types, 'auto', 0.5);
    assert.equal(direction, 'up');
    assert.deepEqual(heads, [
      { layer: 0, head: 0, gain: 0.3 },
      { layer: 1, head: 1, gain: 0.2 },
    ]);
    assert.equal(chooseHeads(types, 'down', 0.01).heads.length, 1);
    assert.equal(chooseHeads(headTypes([[0]], [[0]]), 'auto', 0.4).direction, null);
  });

  it('are of all layers or of a third: of 32 layers 0-9, 10-20, 21-31', () => {
    assert.deepEqual(
      ['shallow', 'middle', 'deep', 'all'].map((scope) => Object.values(scopeOf(32, scope))),
      [
        [0, 10],
        [10, 21],
        [21, 32],
        [0, 32],
      ],
    );
  });
});

describe('the sweep of zerotuning', () => {
  const point = (gamma: number, accuracy: number, logProbability: number, entropy: number): CurvePoint => {
    const score = { accuracy, logProbability, entropy };
    return { gamma, calibration: score, heldOut: { accuracy: 1, logProbability: 0, entropy: 0 } };
  };
  const curve = [point(0.5, 0.4, -2, 0.1), point(1, 0.6, -1.5, 0.5), point(2, 0.6, -1.2, 0.7), point(4, 0.5, -1, 0.9)];

  it('takes the accuracy, then the probability of the calibration prompts; by entropy the entropy alone', () => {
    assert.equal(bestOf('labels', curve)?.gamma, 2);
    assert.equal(bestOf('entropy', curve)?.gamma, 0.5);
    assert.equal(
      better('labels', { accuracy: 1, logProbability: -9, entropy: 9 }, { accuracy: 0, logProbability: 0, entropy: 0 }),
      true,
    );
  });

  it('is refined between the best gamma and its neighbours', () => {
    assert.deepEqual(
      refined(curve, 1).map((gamma) => gamma ** 2),
      [0.5000000000000001, 2.0000000000000004],
    );
    assert.deepEqual(refined(curve, 4).length, 1);
    assert.ok(grid.every((gamma) => gamma > 0 && gamma !== 1));
  });
});
