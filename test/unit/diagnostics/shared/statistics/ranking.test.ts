import assert from 'node:assert/strict';
import { areaBelow, ranked } from '../../../../../diagnostics/shared/statistics/ranking';
import { random } from '../../../../../kernels/tensors/random';

describe('how well scores find what is sought', () => {
  it('the area is the share of pairs in order, ties half', () => {
    assert.equal(areaBelow([1, 2], [3, 4]), 1);
    assert.equal(areaBelow([3, 4], [1, 2]), 0);
    assert.equal(areaBelow([1, 1], [1, 1]), 0.5);
    assert.equal(areaBelow([], [1]), undefined);
    assert.equal(areaBelow([0, Number.NaN], [1]), undefined);
    const source = random(11);
    for (let trial = 0; trial < 20; trial++) {
      const [low, high] = [7, 9].map((n) => Array.from({ length: n }, () => source.whole(6))) as [number[], number[]];
      let pairs = 0;
      for (const a of low) for (const b of high) pairs += a < b ? 1 : a === b ? 0.5 : 0;
      assert.equal(areaBelow(low, high), pairs / 63);
    }
  });

  it('is 1 in order, 0 in reverse, and a half of equal scores; undefined where nothing is to be told apart', () => {
    const sought = [true, true, false, false, false];
    assert.equal(ranked([5, 4, 3, 2, 1], sought)?.area, 1);
    assert.equal(ranked([1, 2, 3, 4, 5], sought)?.area, 0);
    const flat = ranked([7, 7, 7, 7, 7], sought);
    assert.deepEqual([flat?.area, flat?.averagePrecision, flat?.thresholds.length], [0.5, 0.4, 2]);
    assert.equal(ranked([1, 2], [true, true]), undefined);
    assert.equal(ranked([1, Number.NaN], [true, false]), undefined);
    assert.equal(ranked([1, 2], [false, false]), undefined);
  });

  it('a threshold takes equal scores together; precision, recall and F1 by hand', () => {
    // Largest first: sought, other, {sought, other}, other.
    const found = ranked([9, 7, 5, 5, 1], [true, false, true, false, false]);
    assert.deepEqual(
      found?.thresholds.map(({ taken, truePositives, falsePositives, precision }) => [
        taken,
        truePositives,
        falsePositives,
        precision,
      ]),
      [
        [0, 0, 0, Number.NaN],
        [1, 1 / 2, 0, 1],
        [2, 1 / 2, 1 / 3, 1 / 2],
        [4, 1, 2 / 3, 1 / 2],
        [5, 1, 1, 2 / 5],
      ],
    );
    // Pairs in order: 3 of the first; of the second one, and a half against its equal.
    assert.equal(found.area, 4.5 / 6);
    assert.equal(found.averagePrecision, 1 / 2 + 1 / 4);
    // 2 x 1 x 0.5 / 1.5 at the first threshold and at the third.
    assert.deepEqual([found.best.f1, found.best.taken, found.best.least], [2 / 3, 1, 9]);
  });

  it('no increasing function of the scores changes anything', () => {
    const source = random(5);
    const scores = Array.from({ length: 30 }, () => source.whole(8));
    const sought = scores.map(() => source.whole(3) === 0);
    const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
    const soft = ranked(
      scores.map((score) => Math.exp(score) / sum),
      sought,
    );
    const plain = ranked(scores, sought);
    assert.deepEqual(
      [soft?.area, soft?.averagePrecision, soft?.best.f1],
      [plain?.area, plain?.averagePrecision, plain?.best.f1],
    );
  });
});
