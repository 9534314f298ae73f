/** Rules of spans, what they drop, and their size in a cache. */
import assert from 'node:assert/strict';
import { blockInfluence } from '../../../../../diagnostics/plans/moa/influence';
import {
  candidateRules,
  densityOf,
  diagonalBlocks,
  keptBlocks,
  lossByWindow,
  spanPlan,
} from '../../../../../diagnostics/plans/moa/rules';
import { elasticCacheSize } from '../../../../../kernels/mechanisms/streaming/elastic-span';
import { random } from '../../../../../kernels/tensors/random';
import { heldOf, keepsAll } from '../../../../../protocol/plans/held';

describe('elastic rules', () => {
  it('are those of the released search at its lengths', () => {
    const lengths = [2048, 4096, 8192, 16384];
    const rules = candidateRules({ profiled: [2048, 4096, 8192], lengths, step: 1024 });
    // By the three conditions over alpha = -2048, -1024, …, 8192 and beta = 0, 1/8, …, 1.
    let expected = 0;
    for (let alpha = -2; alpha <= 8; alpha++) {
      for (let beta = 0; beta <= 8; beta++) {
        const at = (thousands: number): number => alpha + (beta * thousands) / 8;
        if (at(2) > 0 && at(8) <= 8 && at(16) <= 16) expected += 1;
      }
    }
    assert.equal(rules.length, expected);
    assert.ok(rules.some(({ alpha, beta }) => alpha === -1024 && beta === 0.75));
    assert.ok(rules.some(({ alpha, beta }) => alpha === 0 && beta === 1));
    assert.ok(!rules.some(({ alpha, beta }) => alpha === 0 && beta === 0));
  });

  it('keep blocks of the diagonal and the first', () => {
    const rule = { alpha: -64, beta: 0.5 };
    assert.deepEqual(
      [256, 512].map((tokens) => diagonalBlocks(rule, tokens, 64)),
      [1, 3],
    );
    assert.equal(diagonalBlocks({ alpha: 10, beta: 0 }, 512, 64), 1, 'at least one');
    assert.equal(keptBlocks(rule, 512, 64), 4);
    assert.equal(densityOf(rule, 512, 64), 0.5);
    assert.equal(densityOf({ alpha: 0, beta: 1 }, 512, 64), 1);
  });

  it('what a window drops is what a mask drops, and less the longer it is', () => {
    const [block, blocks] = [2, 6];
    const n = block * blocks;
    const source = random(8);
    const weights = Float32Array.from({ length: n * n }, (_, at) =>
      at % n <= Math.floor(at / n) ? 1 / (Math.floor(at / n) + 1) : 0,
    );
    const map = blockInfluence(
      weights,
      Float32Array.from({ length: n * n }, () => source.uniform()),
      n,
      { block, blocks },
    );
    const losses = lossByWindow(map, blocks);
    for (let window = 1; window <= blocks; window++) {
      let masked = 0;
      for (let row = 0; row < blocks; row++)
        for (let column = 1; column <= row - window; column++) masked += map[row * blocks + column] ?? 0;
      assert.ok(Math.abs((losses[window] ?? 0) - masked) < 1e-12, `window ${window}`);
      assert.ok((losses[window] ?? 0) <= (losses[window - 1] ?? 0));
    }
    assert.equal(losses[blocks], 0);
  });

  it('make caches of the blocks that the search counts', () => {
    const source = random(9);
    for (let at = 0; at < 200; at++) {
      const [tokens, block] = [1 + source.whole(20_000), 1 + source.whole(64)];
      const rule = { alpha: source.whole(4097) - 2048, beta: source.whole(8) / 8 };
      const { sinks, recent } = heldOf(spanPlan(rule, block), tokens);
      assert.deepEqual([sinks, recent], [block, block * diagonalBlocks(rule, tokens, block)], JSON.stringify(rule));
    }
  });

  it('of the published form make caches of the size that the released code makes', () => {
    const source = random(10);
    for (let at = 0; at < 200; at++) {
      const tokens = 1 + source.whole(20_000);
      const [alpha, beta] = [source.whole(4097) - 2048, source.whole(8) / 8];
      const plan = { kind: 'span', alpha, beta, sinks: 64, least: 128, multiple: 64 } as const;
      const { sinks, recent } = heldOf(plan, tokens);
      const size = sinks + recent;
      assert.ok(size % 64 === 0 && size >= 128);
      // The released cache is no longer than the text but for its last block; a window that the text does not fill holds as much.
      const most = Math.max(128, 64 * Math.ceil(tokens / 64));
      assert.equal(Math.min(size, most), elasticCacheSize(alpha, beta, tokens));
    }
  });

  it('a slope of one keeps everything', () => {
    assert.ok(keepsAll(heldOf(spanPlan({ alpha: 0, beta: 1 }, 64), 1000)));
    assert.equal(lossByWindow(new Float64Array(16).fill(1), 4)[diagonalBlocks({ alpha: 0, beta: 1 }, 64, 16)], 0);
  });
});
