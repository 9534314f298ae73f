import { planChanges } from '../../../../diagnostics/model-runner/plan-changes';
import assert from 'node:assert/strict';
import { DroppedMean, HeadCache } from '../../../../compute-server/model/run/cache/head-cache';
import { KeyValueCache } from '../../../../compute-server/model/run/cache/key-value-cache';
import type { BlockSpec } from '../../../../models/architectures/model-spec';

const row = (position: number): readonly [Float32Array, Float32Array] => [
  Float32Array.of(position, -position),
  Float32Array.of(10 * position, 1),
];

/** Positions held, each of them found by its row of the sequence. */
const inOrder = (cache: HeadCache): number[] => {
  const held = Array.from({ length: cache.next }, (_, position) => position).filter(
    (position) => cache.placeOf(position) >= 0,
  );
  for (const position of held) {
    const { key, value } = cache.rowOf(position);
    assert.deepEqual([...key, ...value], [position, -position, 10 * position, 1]);
  }
  assert.equal(held.length, cache.length);
  assert.deepEqual(
    cache.gaps().flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at)),
    Array.from({ length: cache.next }, (_, position) => position).filter((position) => !held.includes(position)),
  );
  return held;
};

/** The same, as its pieces name the rows that lie in order. */
const inPieces = (cache: HeadCache): number[] => {
  const rows = lying(cache);
  return cache.pieces().flatMap(({ from, to, row }) => {
    const piece = rows.slice(from, to);
    assert.deepEqual(
      piece,
      piece.map((_, at) => row + at),
    );
    return piece;
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
    const cache = new HeadCache(2, { room: 3 });
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
    cache.trim(2);
    assert.deepEqual(lying(cache), [2, 3, 4]);
    const found: number[][] = [];
    for (let position = 5; position < 10; position++) {
      cache.append(...row(position));
      cache.trim(position - 2);
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
    cache.trim(10);
    assert.deepEqual(lying(cache), [10, 11]);
    cache.trim(12);
    assert.equal(cache.length, 0);
    cache.append(...row(12));
    assert.deepEqual(inOrder(cache), [12]);
  });

  it('keeps the first rows and the newest, which lie in a ring behind them', () => {
    const cache = new HeadCache(2);
    const found: number[][] = [];
    for (let position = 0; position < 9; position++) {
      cache.append(...row(position));
      cache.drop([{ start: 2, end: position + 1 - 3 }]);
      assert.deepEqual(inPieces(cache), inOrder(cache));
      assert.deepEqual(
        inOrder(cache),
        [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((one) => one <= position && (one < 2 || one > position - 3)),
      );
      found.push(lying(cache));
    }
    assert.deepEqual(found.slice(4), [
      [0, 1, 2, 3, 4],
      [0, 1, 3, 4, 5],
      [0, 1, 6, 4, 5],
      [0, 1, 6, 7, 5],
      [0, 1, 6, 7, 8],
    ]);
    assert.equal(cache.bytes.used, 5 * 2 * 2 * 4);
    assert.ok(cache.bytes.allocated <= 8 * 2 * 2 * 4);
    // A window that has reached the first row, then all of the first and some of the ring, then a hole in the positions.
    cache.trim(1);
    assert.deepEqual(
      [inOrder(cache), inPieces(cache)],
      [
        [1, 6, 7, 8],
        [1, 6, 7, 8],
      ],
    );
    cache.append(...row(9));
    cache.trim(7);
    assert.deepEqual(
      [inOrder(cache), inPieces(cache)],
      [
        [7, 8, 9],
        [7, 8, 9],
      ],
    );
  });

  it('keeps no newest row at all, and chosen rows with what follows', () => {
    const none = new HeadCache(2, { mean: true });
    const chosen = new HeadCache(2);
    for (let position = 0; position < 7; position++) {
      for (const cache of [none, chosen]) cache.append(...row(position));
      none.drop([{ start: 1, end: position + 1 }]);
      assert.deepEqual([inOrder(none), inPieces(none)], [[0], [0]]);
    }
    assert.deepEqual([none.mean?.count, [...(none.mean?.means().key ?? [])]], [6, [3.5, -3.5]]);
    // The row of the mean counts.
    assert.equal(none.bytes.used, 2 * 2 * 2 * 4);
    const gaps = [
      { start: 0, end: 1 },
      { start: 2, end: 4 },
      { start: 5, end: 7 },
    ];
    for (let position = 7; position < 10; position++) {
      chosen.drop(gaps);
      assert.deepEqual(
        [inOrder(chosen), inPieces(chosen)],
        [
          [1, 4],
          [1, 4],
        ].map((kept) => [...kept, 7, 8, 9].filter((one) => one < position)),
      );
      chosen.append(...row(position));
    }
  });

  it('takes what it drops into a mean that is the same as from all of it at once', () => {
    const [width, count] = [3, 20_000];
    let state = 1;
    const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    const rows = Array.from({ length: count }, () =>
      [0, 1].map(() => Float32Array.from({ length: width }, () => 50 * uniform() - 5)),
    );
    const cache = new HeadCache(width, { mean: true });
    for (const [at, [key = new Float32Array(), value = new Float32Array()]] of rows.entries()) {
      cache.append(key, value);
      cache.drop([{ start: 4, end: at + 1 - 10 }]);
    }
    const dropped = rows.slice(4, -10);
    assert.equal(cache.mean?.count, dropped.length);
    const found = cache.mean?.means() ?? new DroppedMean(0).means();
    for (const [which, mean] of [found.key, found.value].entries()) {
      for (let i = 0; i < width; i++) {
        // Each share is added alone, the lost digits of the sum carried on (Kahan).
        let [sum, lost] = [0, 0];
        for (const row of dropped) {
          const share = (row[which]?.[i] ?? NaN) / dropped.length - lost;
          const next = sum + share;
          [lost, sum] = [next - sum - share, next];
        }
        assert.ok(Math.abs((mean[i] ?? NaN) - sum) <= 1e-10, `${mean[i]}, not ${sum}`);
      }
    }
  });
});

describe('the cache of a layer', () => {
  it('is the same position first, head by head and with the rows of all heads in one, whatever came between', () => {
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
    const rows = cache.rows(0);
    assert.deepEqual(
      [...rows.key.data],
      [4, 5, 6, 7, 8, 9].flatMap((position) => numbers(position, 1)),
    );
    for (let position = 10; position < 13; position++) {
      assert.equal(cache.rows(0), rows);
      add(position);
      cache.trim(0, 5);
    }
    // The newest took the places of the oldest.
    assert.deepEqual(
      [8, 9, 10, 11, 12].map((row) => rows.placeOf(row)),
      [2, 3, 4, 0, 1],
    );
    assert.deepEqual([...rows.rowOf(11).value], numbers(11, -1));
    const [, again] = cache.heads(0);
    assert.deepEqual([...(again?.rowOf(11).key ?? [])], [1103, 1104, 1105]);
    assert.equal(cache.rows(0).length, 5);
    expect([8, 9, 10, 11, 12]);
  });

  it('holds what the plan of its heads keeps once it is told so, in buffers of that size, and not all positions any more', () => {
    const [kvHeads, width, prompt] = [2, 3, 40];
    const cache = new KeyValueCache([kvHeads * width], [[1, kvHeads, width]]);
    const numbers = (count: number): Float32Array => new Float32Array(count * kvHeads * width).fill(1);
    cache.append(0, numbers(prompt), numbers(prompt));
    const attention = { heads: 2, kvHeads, headDim: width, causal: true };
    const block = { index: 0, attention } as unknown as BlockSpec;
    const held = { sinks: 2, recent: 5, mean: false, append: false };
    cache.keep(block, planChanges({ prompt, from: prompt, heads: [[held, { ...held, mean: true }]] }));
    const row = 8 * width;
    const inMean = 2 * 8 * width;
    for (let length = prompt; length < prompt + 20; length++) {
      // Room for one more than 7, for a moment; and two sums in float64.
      assert.deepEqual(cache.bytes(), {
        used: (7 + 7 + 1) * row,
        allocated: 2 * 8 * row + inMean,
        full: length * 2 * row,
      });
      assert.equal(cache.heads(0)[1]?.mean?.count, length - 7);
      cache.append(0, numbers(1), numbers(1));
    }
    for (const all of [() => cache.past(0), () => cache.rows(0)]) assert.throws(all, /no longer holds all positions/);
  });

  it('of several variants is not held head by head', () => {
    const cache = new KeyValueCache([4], [[2, 1, 2]]);
    assert.throws(() => cache.heads(0), RangeError);
    assert.throws(() => cache.rows(0), RangeError);
  });
});
