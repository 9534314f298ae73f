import assert from 'node:assert/strict';
import { bucketOf, rowOf } from '../../../../models/architectures/score-terms';

describe('terms of scores by distance', () => {
  it('32 buckets up to 128: eight single distances a side, then bounds at 8 x 2^(k / 2)', () => {
    const bothWays = { buckets: 32, farthest: 128, bothWays: true };
    const of = (distance: number): number => bucketOf(distance, bothWays);
    // The bounds by hand: 8, 11.3, 16, 22.6, 32, 45.3, 64, 90.5, 128.
    const firsts = [8, 12, 16, 23, 32, 46, 64, 91];
    firsts.forEach((first, i) => {
      assert.equal(of(-first), 8 + i);
      assert.equal(of(1 - first), 7 + i);
      assert.equal(of(first), 16 + 8 + i);
    });
    assert.deepEqual([of(0), of(-7), of(7), of(-128), of(-5000), of(5000)], [0, 7, 23, 15, 15, 31]);
  });

  it('one way, all keys in front of a query have bucket 0', () => {
    const oneWay = { buckets: 32, farthest: 128, bothWays: false };
    assert.deepEqual(
      [3, 0, -1, -15, -16, -127, -128, -900].map((distance) => bucketOf(distance, oneWay)),
      [0, 0, 1, 15, 16, 31, 31, 31],
    );
  });

  it('rows of relative positions: one a distance within the span, and logarithms beyond half of it', () => {
    assert.deepEqual(
      [-90, -4, 0, 3, 4, 90].map((distance) => rowOf(distance, { span: 4 })),
      [0, 0, 4, 7, 7, 7],
    );
    // Half of 8 are single; then ceil(ln(d / 4) / ln(63 / 4) x 3) + 4: bounds at 4 x 15.75^(k / 3) = 10.03, 25.1, 63.
    assert.deepEqual(
      [-4, 4, 5, 10, 11, 25, 26, 63, -10, -11, -63, -64].map((distance) => rowOf(distance, { span: 8, farthest: 64 })),
      [4, 12, 13, 13, 14, 14, 15, 15, 3, 2, 1, 0],
    );
  });
});
