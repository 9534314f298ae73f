import assert from 'node:assert/strict';
import { normalTensor, random, seedFor } from '../../../../kernels/tensors/random';
import { fnv, normal, splitMix, uniform } from './generator';

describe('Expected values of the seeded numbers', () => {
  it('mixes labels by FNV-1a: its published vectors at seed 0', () => {
    // Noll's test vectors of the 32-bit hash.
    assert.equal(seedFor(0, ''), 0x811c9dc5);
    assert.equal(seedFor(0, 'a'), 0xe40c292c);
    assert.equal(seedFor(0, 'foobar'), 0xbf9cf968);
    for (const label of ['query', 'projection.key', 'gates']) {
      for (const seed of [0, 7, 2 ** 30, 4294967295]) assert.equal(seedFor(seed, label), fnv(seed, label), label);
    }
  });

  it('draws uniform numbers of 53 bits from SplitMix32', () => {
    for (const seed of [0, 1, 12345, 4294967295]) {
      const [actual, expected] = [random(seed), uniform(splitMix(seed))];
      for (let i = 0; i < 500; i++) assert.equal(actual.uniform(), expected());
      assert.equal(actual.whole(1000), Math.floor(expected() * 1000));
    }
  });

  it('draws normal numbers by the polar method, in pairs', () => {
    const [actual, expected] = [random(99), normal(splitMix(99))];
    for (let i = 0; i < 500; i++) assert.equal(actual.normal(), expected());
  });

  it('fills a tensor row by row, rounded to float32', () => {
    const { shape, data } = normalTensor([2, 3], 5, 0.25);
    assert.deepEqual(shape, [2, 3]);
    const next = normal(splitMix(5));
    assert.deepEqual(
      [...data],
      Array.from({ length: 6 }, () => Math.fround(0.25 * next())),
    );
    const one = normal(splitMix(5));
    assert.equal(normalTensor([1], 5).data[0], Math.fround(one()));
  });
});
