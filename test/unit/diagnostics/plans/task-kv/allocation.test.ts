/** Budgets and what heads keep of them. */
import assert from 'node:assert/strict';
import {
  keptBy,
  middleCount,
  pooled,
  rangesOf,
  smallestShare,
} from '../../../../../diagnostics/plans/task-kv/allocation';
import { chanceOf, overlapMatrix, overlapOf } from '../../../../../diagnostics/plans/task-kv/overlap';
import { random } from '../../../../../kernels/tensors/random';

const kept = (plan: ReturnType<typeof keptBy>['plan']): number[] =>
  plan.kind === 'kept'
    ? plan.ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at))
    : [];

describe('the budget of task-kv', () => {
  it('is used up but for less than a position a limited head, wherever it has room for sinks and recents', () => {
    const source = random(5);
    let tried = 0;
    while (tried < 200) {
      const heads = 1 + source.whole(16);
      const [full, tokens] = [source.whole(heads + 1), 20 + source.whole(400)];
      const setting = { tokens, sinks: source.whole(6), recents: source.whole(14) };
      const share = source.uniform();
      if (share < smallestShare(setting, heads, full)) continue;
      tried += 1;
      const budget = share * heads * tokens;
      const middle = middleCount(setting, { heads, full, budget });
      const used = full * tokens + (heads - full) * (setting.sinks + setting.recents + middle);
      const what = `${heads} heads, ${full} full, ${tokens} tokens, budget ${budget}`;
      assert.ok(used <= budget + 1e-9, what);
      assert.ok(full === heads || used > budget - (heads - full) - 1e-9, what);
    }
  });

  it('keeps everything when the budget is everything', () => {
    const setting = { tokens: 50, sinks: 3, recents: 9 };
    const middle = middleCount(setting, { heads: 8, full: 2, budget: 8 * 50 });
    assert.equal(middle, 50 - 12);
    assert.deepEqual(keptBy(setting, new Float64Array(50), middle).plan, {
      kind: 'kept',
      ranges: [{ start: 0, end: 50 }],
    });
  });

  it('keeps sinks and recents where there is no room for them, and says the smallest share', () => {
    const setting = { tokens: 100, sinks: 10, recents: 30 };
    assert.equal(middleCount(setting, { heads: 4, full: 1, budget: 120 }), 0);
    // (100 + 3 x 40) of 400.
    assert.equal(smallestShare(setting, 4, 1), 0.55);
  });

  it('a huge score in the middle keeps its position and its neighbours, and nothing twice', () => {
    const tokens = 60;
    const scores = new Float64Array(tokens).fill(1e-3);
    scores[30] = 1;
    scores[0] = 1;
    scores[59] = 1;
    const setting = { tokens, sinks: 4, recents: 8 };
    const { middle, plan } = keptBy(setting, pooled(scores, 7), 7);
    assert.deepEqual(middle, [27, 28, 29, 30, 31, 32, 33]);
    assert.deepEqual(plan, {
      kind: 'kept',
      ranges: [
        { start: 0, end: 4 },
        { start: 27, end: 34 },
        { start: 52, end: 60 },
      ],
    });
  });

  it('pools over seven positions, those outside counted as 0', () => {
    const [first = 0, , , fourth = 0] = pooled([7, 0, 0, 0, 0, 0, 0, 14], 7);
    assert.ok(Math.abs(first - 1) < 1e-12 && Math.abs(fourth - 1) < 1e-12);
    assert.deepEqual([...pooled([1, 2, 3], 1)], [1, 2, 3]);
  });

  it('the kept set of a limited head grows with the budget', () => {
    const source = random(6);
    const scores = Float64Array.from({ length: 80 }, () => source.uniform());
    const setting = { tokens: 80, sinks: 2, recents: 10 };
    let before: number[] = [];
    for (let share = 0.3; share <= 1; share += 0.05) {
      const count = middleCount(setting, { heads: 4, full: 1, budget: share * 4 * 80 });
      const now = kept(keptBy(setting, scores, count).plan);
      assert.ok(
        before.every((position) => now.includes(position)),
        `share ${share}`,
      );
      before = now;
    }
  });

  it('writes positions as ranges that do not touch', () =>
    assert.deepEqual(rangesOf([0, 1, 4, 6, 7]), [
      { start: 0, end: 2 },
      { start: 4, end: 5 },
      { start: 6, end: 8 },
    ]));
});

describe('heads in common', () => {
  // Layer 0 has two of four heads, layer 1 all of its two: it says nothing.
  const heads = [4, 2];
  const [a, b, c] = [
    [
      [0, 1],
      [0, 1],
    ],
    [
      [1, 2],
      [0, 1],
    ],
    [
      [2, 3],
      [0, 1],
    ],
  ] as const;

  it('is a share of the heads of one prompt, and has a level of chance', () => {
    assert.equal(overlapOf(a, b, heads), 0.5);
    assert.equal(overlapOf(a, c, heads), 0);
    // 2 x 2/4 of 2.
    assert.equal(chanceOf(a, heads), 0.5);
  });

  it('pairs of one task are of different prompts', () =>
    assert.deepEqual(overlapMatrix([[a, b], [c]], heads), [
      [0.5, 0.25],
      [0.25, Number.NaN],
    ]));
});
