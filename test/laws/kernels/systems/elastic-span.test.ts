import assert from 'node:assert/strict';
import { elasticCacheSize, elasticSpanAttention } from '../../../../kernels/mechanisms/streaming/elastic-span';
import { readablePairs } from '../../../../kernels/cost/attention';
import { random } from '../../../../kernels/tensors/random';
import { causalShape, parametersFor, readsOf } from './support';

describe('MoA: elastic spans as the authors’ cache has them', () => {
  it('a cache is a multiple of 64, at least 128, at most the planned length in whole blocks', () => {
    const source = random(5);
    for (let trial = 0; trial < 500; trial++) {
      const length = 1 + source.whole(20000);
      const alpha = source.whole(9000) - 4096;
      const beta = source.whole(9) / 8;
      const size = elasticCacheSize(alpha, beta, length);
      assert.equal(size % 64, 0);
      assert.ok(
        size >= 128 && size <= Math.max(128, 64 * Math.ceil(length / 64)),
        `${alpha} ${beta} ${length}: ${size}`,
      );
      const wanted = Math.min(Math.floor(alpha + beta * length), length);
      if (wanted >= 128) assert.ok(size >= wanted && size < wanted + 64, `${alpha} ${beta} ${length}: ${size}`);
    }
  });

  it('a slope of one and no offset reads everything', () => {
    const shape = causalShape(300);
    const parameters = parametersFor(elasticSpanAttention, {
      firstOffset: 0,
      firstSlope: 1,
      secondOffset: 0,
      secondSlope: 1,
    });
    const { reads } = elasticSpanAttention.pattern(shape, parameters);
    let pairs = 0;
    for (let i = 0; i < 300; i++) for (let j = 0; j < 300; j++) if (reads(3, i, j)) pairs++;
    assert.equal(pairs, readablePairs(shape));
  });

  it('a larger offset or slope reads a superset: spans are nested', () => {
    const shape = causalShape(600);
    const last = (firstOffset: number, firstSlope: number) =>
      new Set(
        readsOf(
          elasticSpanAttention,
          shape,
          parametersFor(elasticSpanAttention, { firstShare: 1, firstOffset, firstSlope }),
          0,
        ).at(-1),
      );
    const rules = [last(-1024, 0), last(0, 0.25), last(64, 0.25), last(64, 0.5), last(0, 1)];
    assert.deepEqual(
      rules.map((keys) => keys.size),
      [128, 192, 256, 384, 600],
    );
    rules.slice(1).forEach((wider, i) => {
      for (const key of rules[i]!) assert.ok(wider.has(key), `rule ${i} reads ${key}`);
    });
  });

  it('heads stretch with the length under a slope and stay under none', () => {
    const kept = (length: number, head: number) =>
      readsOf(
        elasticSpanAttention,
        causalShape(length),
        parametersFor(elasticSpanAttention, {
          firstShare: 0.5,
          firstOffset: 192,
          secondOffset: 0,
          secondSlope: 0.5,
        }),
        head,
      ).at(-1)!.length;
    assert.deepEqual([kept(512, 0), kept(1024, 0)], [192, 192]);
    assert.deepEqual([kept(512, 3), kept(1024, 3)], [256, 512]);
  });
});
