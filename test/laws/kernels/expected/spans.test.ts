import assert from 'node:assert/strict';
import { slidingWindow } from '../../../../kernels/mechanisms/sliding-window';
import { duoAttention } from '../../../../kernels/mechanisms/streaming/duo-attention';
import {
  elasticCacheSize,
  elasticSpan,
  elasticSpanAttention,
} from '../../../../kernels/mechanisms/streaming/elastic-span';
import { razorAttention, razorBuffer } from '../../../../kernels/mechanisms/streaming/razor-attention';
import { streaming } from '../../../../kernels/mechanisms/streaming/streaming';
import { causalShape, parametersFor } from '../systems/support';
import {
  byLists,
  dot,
  eachHead,
  everything,
  expectValues,
  mean,
  plus,
  range,
  times,
  type Given,
  type Rows,
} from './support';

/** The first keys and the latest, the own among them. */
const sinksAndRecent = (position: number, sinks: number, recent: number): readonly number[] =>
  range(0, position + 1).filter((j) => j < sinks || position - j < recent);

const window = (own: number) => byLists(({ position }) => sinksAndRecent(position, 0, own));

// By hand: a window of 5 or of 4 reads two keys on either side, so query 0 reads 0 1 2, query 4 of 6 reads 2 3 4 5.
const bothSides = byLists(({ position, shape }) =>
  [position - 2, position - 1, position, position + 1, position + 2].filter((j) => j >= 0 && j < shape.keys),
);

expectValues(slidingWindow, [
  { name: 'the last five keys', parameters: { window: 5 }, expected: window(5) },
  { name: 'the own key', parameters: { window: 1 }, expected: window(1) },
  { name: 'the last four on a cache', shape: { queries: 3 }, parameters: { window: 4 }, expected: window(4) },
  { name: 'fewer keys than the window', parameters: { window: 20 }, expected: everything },
  {
    name: 'an even window both ways',
    shape: { pattern: 'noncausal-self' },
    parameters: { window: 4 },
    expected: bothSides,
  },
  {
    name: 'two on either side, several tiles',
    shape: { pattern: 'noncausal-self', queries: 70, keys: 70, batch: 1 },
    parameters: { window: 5 },
    expected: bothSides,
  },
]);

expectValues(streaming, [
  {
    name: 'two sinks and three recent keys',
    parameters: { sinks: 2, recent: 3 },
    expected: byLists(({ position }) => sinksAndRecent(position, 2, 3)),
  },
  {
    name: 'no sinks',
    parameters: { sinks: 0, recent: 4 },
    expected: byLists(({ position }) => sinksAndRecent(position, 0, 4)),
  },
]);

// Four key/value heads: of a share of 0.5 the first two read everything; 0.625 of four is 2.5, rounded to three.
const firstRead = (full: number, sinks: number, recent: number) =>
  byLists(({ kv, position }) => sinksAndRecent(position, sinks, kv < full ? 1000 : recent));

expectValues(duoAttention, [
  {
    name: 'half of the heads retrieve',
    shape: { heads: 8, kvHeads: 4 },
    parameters: { fullShare: 0.5, sinks: 1, recent: 3, window: 'training mask' },
    expected: firstRead(2, 1, 3),
  },
  {
    name: 'a share that is rounded down: 0.6 of four heads is 2.4',
    shape: { kvHeads: 4 },
    parameters: { fullShare: 0.6, sinks: 2, recent: 3 },
    // Three in the cache and the own one.
    expected: firstRead(2, 2, 4),
  },
  {
    name: 'a share that is rounded up',
    shape: { kvHeads: 4 },
    parameters: { fullShare: 0.625, sinks: 2, recent: 2 },
    expected: firstRead(3, 2, 3),
  },
]);

/** The keys between take part as their mean key with their mean value, as often as they are. */
const compensated = (full: number, sinks: number, buffer: (keys: number) => number) => (given: Given) => {
  const { shape } = given;
  const recent = buffer(shape.keys);
  const plain = firstRead(full, sinks, recent)(given);
  return eachHead(given, ({ b, h, kv, query, key, value }) =>
    query.map((q, i) => {
      const dropped = range(sinks, i + 1 - recent);
      if (kv < full || dropped.length === 0) return plain[b]![h]![i]!;
      const kept = sinksAndRecent(i, sinks, recent);
      const one = (k: readonly number[]) => Math.exp(dot(q, k) / Math.sqrt(6));
      const shared = dropped.length * one(mean(dropped.map((j) => key[j]!)));
      const parts = kept.map((j) => ({ weight: one(key[j]!), value: value[j]! }));
      parts.push({ weight: shared, value: mean(dropped.map((j) => value[j]!)) });
      const total = parts.reduce((sum, { weight }) => sum + weight, 0);
      return parts.reduce<readonly number[]>(
        (sum, part) => plus(sum, part.value, part.weight / total),
        times(value[0]!, 0),
      );
    }),
  );
};

expectValues(razorAttention, [
  {
    name: 'one of four heads retrieves: 0.3 of four is 1.2',
    shape: { kvHeads: 4 },
    parameters: { retrievalShare: 0.3, sinks: 2, buffer: 3, compression: 1e6 },
    expected: compensated(1, 2, () => 3),
  },
  {
    // 11 keys by 2.5 are 4.4, so 4, more than the least buffer; 9 keys by 2.5 are 3.6, so 3.
    name: 'a buffer that grows with the keys',
    parameters: { retrievalShare: 0, sinks: 1, buffer: 2, compression: 2.5 },
    expected: compensated(0, 1, (keys) => (keys === 11 ? 4 : keys === 10 ? 4 : 3)),
  },
  {
    name: 'without the compensation token',
    parameters: { retrievalShare: 0, sinks: 1, buffer: 3, compression: 1e6, compensation: false },
    expected: firstRead(0, 1, 3),
  },
]);

describe('Expected values by hand: what a step of decoding reads', () => {
  const step = { ...causalShape(1), keys: 21 };
  // 4 heads of 8, values of 8: 4 (2 x 8 + 2 x 8 + 5) = 148 operations a key.
  it('streaming: two sinks, three recent keys', () => {
    assert.equal(streaming.decode!.cost(step, { sinks: 2, recent: 3 }).flops, 148 * 5);
  });

  it('DuoAttention: one head of 21 keys; three of two sinks and three recent keys in the cache, and the own one', () => {
    const duo = { fullShare: 0.25, sinks: 2, recent: 3 };
    const decode = duoAttention.decode!;
    assert.equal(decode.cost(step, { ...duo, window: 'cache and self' }).flops, 37 * 21 + 3 * 37 * 6);
    assert.equal(decode.cost(step, { ...duo, window: 'training mask' }).flops, 37 * 21 + 3 * 37 * 5);
  });

  it('RazorAttention: one head of 21 keys, three of two sinks, three recent keys and their compensation', () => {
    const razor = parametersFor(razorAttention, { retrievalShare: 0.25, sinks: 2, buffer: 3, compression: 1e6 });
    assert.equal(razorAttention.decode!.cost(step, razor).flops, 37 * 21 + 3 * 37 * 6);
  });
});

describe('Expected values by hand: sizes of RazorAttention and elastic spans', () => {
  it('RazorAttention keeps a fifth of the keys, and its least buffer of short texts', () => {
    assert.equal(razorBuffer(30_004, { buffer: 4000, compression: 5 }), 6000);
    assert.equal(razorBuffer(19_999, { buffer: 4000, compression: 5 }), 4000);
  });

  it('an elastic cache holds whole blocks of 64, 128 at least, no more than the length', () => {
    assert.equal(elasticCacheSize(320, 0, 4096), 320);
    assert.equal(elasticCacheSize(-1024, 0.5, 4096), 1024);
    assert.equal(elasticCacheSize(-1024, 0.5, 4098), 1088, '1025 takes another block');
    assert.equal(elasticCacheSize(-1024, 0.5, 4097), 1024, '1024.5 is cut down first');
    assert.equal(elasticCacheSize(100, 0, 4096), 128);
    assert.equal(elasticCacheSize(129, 0, 4096), 192);
    assert.equal(elasticCacheSize(500, 0, 200), 256, 'cut down to the length, then whole blocks');
    assert.deepEqual(elasticSpan(320, 0, 4096), { sinks: 64, recent: 256 });
  });
});

/** 64 sinks and the rest of the cache for the latest. */
const elastic =
  (sizes: readonly number[]) =>
  (given: Given): Rows =>
    byLists(({ kv, position }) => sinksAndRecent(position, 64, sizes[kv]! - 64))(given);

expectValues(elasticSpanAttention, [
  {
    // First rule 128; second 0.9 of 250 = 225, four blocks. 0.6 of four heads is 2.4, so two.
    name: 'two rules for a planned length',
    shape: { batch: 1, kvHeads: 4, queries: 260, keys: 260, headDim: 2, valueDim: 2 },
    parameters: { firstShare: 0.6, firstOffset: 0, secondOffset: 0, secondSlope: 0.9, plannedLength: 250 },
    expected: elastic([128, 128, 256, 256]),
    steps: 1,
  },
  {
    // 260 keys, not planned: 0.6 of them is 156, 192 in blocks; the other rule 5 + 0.8 of 260 = 213, 256 in blocks.
    name: 'spans that grow with the keys',
    shape: { batch: 1, queries: 260, keys: 260, headDim: 2, valueDim: 2 },
    parameters: { firstShare: 0.5, firstOffset: 0, firstSlope: 0.6, secondOffset: 5, secondSlope: 0.8 },
    expected: elastic([192, 256]),
    steps: 1,
  },
]);
