import assert from 'node:assert/strict';
import { measureError } from '../../../kernels/tensors/error';
import { fromBfloat16, fromHalf, toBfloat16, toHalf } from '../../../kernels/tensors/half';
import { toHeadsFirst, toSequenceFirst } from '../../../kernels/tensors/layout';
import { normalTensor, random, seedFor } from '../../../kernels/tensors/random';
import { tensor } from '../../../kernels/tensors/tensor';

describe('16-bit floats', () => {
  it('give every bit pattern back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7c00) !== 0x7c00 || (bits & 0x3ff) === 0) assert.equal(toHalf(fromHalf(bits)), bits);
      else assert.ok(Number.isNaN(fromHalf(bits)));
    }
  });

  it('round to nearest, ties to even, and overflow to infinity', () => {
    assert.equal(fromHalf(toHalf(1 + 2 ** -11)), 1);
    assert.equal(fromHalf(toHalf(1 + 3 * 2 ** -11)), 1 + 2 ** -9);
    assert.equal(fromHalf(toHalf(2 ** -25)), 0);
    assert.equal(fromHalf(toHalf(2 ** -25 * 1.001)), 2 ** -24);
    assert.equal(fromHalf(toHalf(65519)), 65504);
    assert.equal(fromHalf(toHalf(-65520)), -Infinity);
    assert.equal(fromHalf(toHalf(2 ** -14 - 2 ** -26)), 2 ** -14);
    assert.equal(fromBfloat16(toBfloat16(1 + 2 ** -8)), 1);
    assert.equal(fromBfloat16(toBfloat16(-3.140625)), -3.140625);
    assert.ok(Number.isNaN(fromBfloat16(toBfloat16(Number.NaN))));
  });
});

describe('Seeded numbers', () => {
  it('are the same for a seed, others for another, and float32', () => {
    const first = normalTensor([1000], 5);
    assert.deepEqual(first, normalTensor([1000], 5));
    assert.notDeepEqual(first, normalTensor([1000], 6));
    assert.ok(first.data.every((value) => Math.fround(value) === value));
    assert.notEqual(seedFor(1, 'query'), seedFor(1, 'key'));
    assert.notEqual(seedFor(1, 'query'), seedFor(2, 'query'));
  });

  it('have the mean, variance and fourth moment of the normal distribution', () => {
    const { data } = normalTensor([200_000], 1);
    const moment = (power: number) => data.reduce((sum, value) => sum + value ** power, 0) / data.length;
    // Five standard errors: sqrt(Var(x^p) / 200 000).
    assert.ok(Math.abs(moment(1)) < 0.0112);
    assert.ok(Math.abs(moment(2) - 1) < 0.0158);
    assert.ok(Math.abs(moment(4) - 3) < 0.11);
  });

  it('are uniform in [0, 1)', () => {
    const source = random(3);
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) bins[Math.floor(source.uniform() * 10)]! += 1;
    // 10 000 each, deviation 95: five deviations.
    assert.ok(bins.every((count) => Math.abs(count - 10_000) < 475));
  });
});

describe('Layouts', () => {
  it('heads-first and sequence-first are inverses', () => {
    const x = normalTensor([2, 3, 5, 4], 1);
    const y = toSequenceFirst(x);
    assert.deepEqual(y.shape, [2, 5, 12]);
    assert.deepEqual(toHeadsFirst(y, 3), x);
    // batch 1, head 2, position 3, column 1
    assert.equal(y.data[(1 * 5 + 3) * 12 + 2 * 4 + 1], x.data[((1 * 3 + 2) * 5 + 3) * 4 + 1]);
    assert.throws(() => toHeadsFirst(y, 5), /is no \[batch, position, 5 heads \* width\]/);
  });
});

describe('Error measures', () => {
  const of = (...numbers: number[]) => tensor([numbers.length], Float64Array.from(numbers));

  it('see the largest difference and where it is', () => {
    assert.deepEqual(measureError(of(1, 2, -4.5), of(1, 2.25, -4)), {
      maxAbsolute: 0.5,
      maxRelative: 0.125,
      nanMismatches: 0,
      worst: 2,
    });
  });

  it('count NaN on one side only, and take equal infinities as equal', () => {
    const error = measureError(of(Number.NaN, 1, Infinity, Number.NaN), of(Number.NaN, Number.NaN, Infinity, 3));
    assert.equal(error.nanMismatches, 2);
    assert.equal(error.worst, 1);
    assert.equal(error.maxAbsolute, 0);
    assert.equal(measureError(of(Infinity), of(1)).maxAbsolute, Infinity);
  });
});
