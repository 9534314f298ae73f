/** Errors of matrices and distances of maps, against numbers worked out by hand. */
import assert from 'node:assert/strict';
import { inHalves } from '../../../../../diagnostics/shared/beside/row-order';
import { Difference, mapDistance } from '../../../../../diagnostics/shared/beside/differences';

const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-12, `${found}, not ${expected}`);

describe('errors of quantised weights', () => {
  it('largest, mean and relative, of all numbers and of some', () => {
    const difference = new Difference().add([1, 2, 3, 4], [1, 4, 3, 3]);
    assert.deepEqual([difference.largest, difference.mean], [2, 0.75]);
    near(difference.relative, Math.sqrt(5 / 35));
    const some = new Difference().add([1, 2, 3, 4], [1, 4, 3, 3], 2, 4);
    assert.deepEqual([some.largest, some.mean], [1, 0.5]);
    assert.equal(new Difference().add([0, 0], [0, 0]).relative, 0);
    assert.ok(Number.isNaN(new Difference().add([Number.NaN, 0], [1, 0]).largest));
  });

  it('rows that are rotated in neighbours go back into halves, the others stay', () => {
    // Two heads of five rows, four of which are rotated.
    const rows = Float32Array.from([0, 2, 1, 3, 4, 5, 7, 6, 8, 9]);
    assert.deepEqual([...inHalves(rows, 1, 5, 4)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('the Jensen-Shannon distance of maps, mean over the rows', () => {
    const [one, other] = [Float32Array.from([1, 0, 0.5, 0.5]), Float32Array.from([0.5, 0.5, 0.5, 0.5])];
    // m is [0.75, 0.25]: KL(p || m) is log2(4 / 3), and KL(q || m) log2(2 / 3) / 2 + 1 / 2.
    const first = Math.sqrt((Math.log2(4 / 3) + Math.log2(2 / 3) / 2 + 0.5) / 2);
    near(mapDistance(one, other, 2), first / 2);
    near(mapDistance(Float32Array.from([1, 0]), Float32Array.from([0, 1]), 1), 1);
    assert.equal(mapDistance(other, other, 2), 0);
  });
});
