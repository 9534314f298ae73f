/** Plans made of scores, and the plans that others are compared with; expected values by hand. */
import * as assert from 'node:assert/strict';
import { randomPlan, uniformPlan } from '../../../../../diagnostics/shared/plans/controls';
import { headPlanText, parseHeadPlan, type HeadPlan } from '../../../../../protocol/plans/head-plan';
import { byScore, keepMostOf, keyValueScores, planOfScores } from '../../../../../protocol/plans/plan-of-scores';

const written = (heads: readonly (readonly HeadPlan[])[]): string[][] => heads.map((row) => row.map(headPlanText));
const keep = (text: string): HeadPlan => {
  const plan = parseHeadPlan(text);
  assert.ok(plan);
  return plan;
};

describe('plans of scores', () => {
  const scores = [
    [0.5, 0.1],
    [0.9, Number.NaN],
    [0.5, 0.2],
  ];
  const otherwise = keep('4+8');

  it('a key/value head scores what the best of its query heads scores', () =>
    assert.deepEqual(
      keyValueScores(
        [
          [0.1, 0.4, 0.3, 0.2],
          [Number.NaN, 0.2, Number.NaN, Number.NaN],
        ],
        [2, 2],
      ),
      [
        [0.4, 0.3],
        [0.2, Number.NaN],
      ],
    ));

  it('rank over all layers, equals by layer and head, NaN last', () =>
    assert.deepEqual(
      byScore(scores).map(({ layer, head }) => [layer, head]),
      [
        [1, 0],
        [0, 0],
        [2, 0],
        [2, 1],
        [0, 1],
        [1, 1],
      ],
    ));

  it('keep a number, a share to the nearest head, or what is above a threshold', () => {
    const two = [
      ['full', '4+8'],
      ['full', '4+8'],
      ['4+8', '4+8'],
    ];
    assert.deepEqual(written(planOfScores(scores, { keep: { count: 2 }, otherwise })), two);
    // 0.4 of 6 heads are 2.4.
    assert.deepEqual(written(planOfScores(scores, { keep: { share: 0.4 }, otherwise })), two);
    assert.deepEqual(written(planOfScores(scores, { keep: { above: 0.5 }, otherwise })), [
      ['4+8', '4+8'],
      ['full', '4+8'],
      ['4+8', '4+8'],
    ]);
    assert.deepEqual(
      written(planOfScores(scores, { keep: { count: 0 }, otherwise }))
        .flat()
        .join(' '),
      '4+8 4+8 4+8 4+8 4+8 4+8',
    );
  });
});

describe('how many heads keep everything', () =>
  it('is a share, a number or a threshold', () => {
    assert.deepEqual(['25%', '8', '> 0.1', ' 12.5 % '].map(keepMostOf), [
      { share: 0.25 },
      { count: 8 },
      { above: 0.1 },
      { share: 0.125 },
    ]);
    for (const wrong of ['', 'all', '>10%', '2.5', '101%', '-1']) assert.equal(keepMostOf(wrong), undefined, wrong);
  }));

describe('the plans that a plan is compared with', () => {
  // Two layers of 2 heads of 8 numbers: a position of a head is 2 x 4 x 8 = 64 bytes, of all heads 256.
  const shape = { kvHeads: [2, 2], headDim: 8, length: 100 };

  it('uniform: as many positions in each head as the bytes allow, sinks first', () => {
    assert.deepEqual(uniformPlan(256 * 20, shape), {
      heads: [
        [keep('4+16'), keep('4+16')],
        [keep('4+16'), keep('4+16')],
      ],
      positions: 20,
      bytes: 5120,
    });
    assert.equal(uniformPlan(256 * 20 + 255, shape).positions, 20);
    assert.equal(uniformPlan(256 * 20 - 1, shape).positions, 19);
    assert.deepEqual(written(uniformPlan(256 * 3, shape).heads)[0], ['3+0', '3+0']);
    assert.equal(uniformPlan(10, shape).bytes, 0);
    assert.equal(uniformPlan(1e9, shape).positions, 100);
  });

  it('uniform: a layer with a window of its own leaves its bytes to the others', () => {
    // Layer 0 holds at most 9 positions: 2 heads x 9 x 64 = 1152 bytes; of 5120 the other two heads get 3968 = 2 x 31 x 64.
    assert.deepEqual(
      [uniformPlan(5120, { ...shape, windows: [10, null] })].map(({ positions, bytes }) => [positions, bytes]),
      [[31, 5120]],
    );
  });

  it('random: the same head plans as often, the same for a seed, at other heads for most seeds', () => {
    const heads = [
      ['full', '4+8', '4+8'],
      ['4+8', '4+8', '2+2'],
    ].map((row) => row.map(keep));
    const drawn = [1, 2, 3, 4, 5].map((seed) => written(randomPlan(heads, seed)));
    for (const one of drawn) {
      assert.deepEqual(
        one.map((row) => row.length),
        [3, 3],
      );
      assert.deepEqual(one.flat().sort(), ['2+2', '4+8', '4+8', '4+8', '4+8', 'full']);
    }
    assert.deepEqual(written(randomPlan(heads, 3)), drawn[2]);
    assert.ok(new Set(drawn.map((one) => JSON.stringify(one))).size >= 3);
  });
});
