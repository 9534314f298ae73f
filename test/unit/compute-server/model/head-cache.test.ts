import assert from 'node:assert/strict';
import { HeadCache } from '../../../../compute-server/model/run/head-cache';
import { KeyValueCache } from '../../../../compute-server/model/run/key-value-cache';

const row = (position: number): readonly [Float32Array, Float32Array] => [
  Float32Array.of(position, -position),
  Float32Array.of(10 * position, 1),
];

const inOrder = (cache: HeadCache): number[] =>
  Array.from({ length: cache.length }, (_, at) => {
    const { key, value } = cache.rowOf(at);
    assert.deepEqual([...value], [10 * (key[0] ?? NaN), 1]);
    return key[0] ?? NaN;
  });

/** The same, as its pieces name the rows that lie in order. */
const inPieces = (cache: HeadCache): number[] => {
  const rows = lying(cache);
  return cache.pieces().flatMap(({ from, to, at }) => {
    if (from < to) assert.equal(cache.placeOf(at), from);
    return rows.slice(from, to);
  });
};

/** Positions in the order in which they lie. */
const lying = ({ key, value, length }: HeadCache): number[] => {
  assert.deepEqual(key.shape, [1, length, 2]);
  const positions = Array.from({ length }, (_, at) => Number(key.data[2 * at]));
  assert.deepEqual(
    [...value.data],
    positions.flatMap((position) => [10 * position, 1]),
  );
  return positions;
};

describe('the cache of a head', () => {
  it('appends, and grows by half', () => {
    const cache = new HeadCache(2, 3);
    let grown = 0;
    let { allocated } = cache.bytes;
    assert.equal(allocated, 3 * 2 * 2 * 4);
    for (let position = 0; position < 1000; position++) {
      cache.append(...row(position));
      assert.ok(cache.bytes.allocated <= 1.5 * cache.bytes.used + 8 * 16);
      if (cache.bytes.allocated > allocated) grown++;
      ({ allocated } = cache.bytes);
    }
    assert.equal(cache.bytes.used, 1000 * 2 * 2 * 4);
    // log(1000 / 8) / log(1.5) = 11.9
    assert.ok(grown <= 14);
    assert.deepEqual(lying(cache), inOrder(cache));
    assert.equal(lying(cache)[999], 999);
  });

  it('puts the newest row into the place of the oldest', () => {
    const cache = new HeadCache(2);
    for (let position = 0; position < 5; position++) cache.append(...row(position));
    cache.trim(3);
    assert.deepEqual(lying(cache), [2, 3, 4]);
    const found: number[][] = [];
    for (let position = 5; position < 10; position++) {
      cache.append(...row(position));
      cache.trim(3);
      found.push(lying(cache));
      assert.deepEqual(inOrder(cache), [position - 2, position - 1, position]);
      assert.deepEqual(inPieces(cache), inOrder(cache));
    }
    assert.deepEqual(found, [
      [5, 3, 4],
      [5, 6, 4],
      [5, 6, 7],
      [8, 6, 7],
      [8, 9, 7],
    ]);
    cache.append(...row(10));
    assert.deepEqual(inOrder(cache), [7, 8, 9, 10]);
    assert.deepEqual(inPieces(cache), [7, 8, 9, 10]);
    cache.append(...row(11));
    cache.trim(2);
    assert.deepEqual(lying(cache), [10, 11]);
    cache.trim(0);
    assert.equal(cache.length, 0);
    cache.append(...row(12));
    assert.deepEqual(inOrder(cache), [12]);
  });
});

describe('the cache of a layer', () => {
  it('is the same position first and head by head, whatever came between', () => {
    const [kvHeads, width] = [2, 3];
    const cache = new KeyValueCache([kvHeads * width], [[1, kvHeads, width]]);
    const numbers = (position: number, sign: number): number[] =>
      Array.from({ length: kvHeads * width }, (_, i) => sign * (100 * position + i));
    const add = (position: number): void => {
      cache.append(0, Float32Array.from(numbers(position, 1)), Float32Array.from(numbers(position, -1)));
    };
    const expect = (positions: readonly number[]): void => {
      const { key, value } = cache.past(0);
      assert.deepEqual(key.shape, [positions.length, 1, kvHeads, width]);
      assert.deepEqual(
        [...key.data],
        positions.flatMap((position) => numbers(position, 1)),
      );
      assert.deepEqual(
        [...value.data],
        positions.flatMap((position) => numbers(position, -1)),
      );
      assert.equal(cache.length(0), positions.length);
    };
    for (let position = 0; position < 6; position++) add(position);
    const [first, second] = cache.heads(0);
    assert.deepEqual([...(second?.rowOf(1).key ?? [])], [103, 104, 105]);
    assert.deepEqual([...(first?.rowOf(5).value ?? [])], [-500, -501, -502]);
    expect([0, 1, 2, 3, 4, 5]);
    for (let position = 6; position < 9; position++) {
      cache.heads(0);
      add(position);
      cache.trim(0, 5);
    }
    assert.equal(cache.first(0), 4);
    expect([4, 5, 6, 7, 8]);
    add(9);
    expect([4, 5, 6, 7, 8, 9]);
  });

  it('of several variants is not held head by head', () => {
    assert.throws(() => new KeyValueCache([4], [[2, 1, 2]]).heads(0), RangeError);
  });
});
