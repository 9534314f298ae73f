import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { coldAndWarm, evictedBytes, largestCache } from '../../../compute-server/harness/caches';
import { random } from '../../../kernels/tensors/random';

describe('cold and warm caches', () => {
  it('are told apart: a walk through 512 KB takes longer after other data than after itself', async () => {
    // Each line of 64 bytes names the next, in an order that no processor foresees: 8192 lines, all once.
    const next = new Int32Array(2 ** 17);
    const order = random(5);
    const lines = Array.from({ length: 2 ** 13 }, (_, line) => line);
    for (let i = lines.length - 1; i > 0; i--) {
      const j = order.whole(i + 1);
      [lines[i], lines[j]] = [lines[j]!, lines[i]!];
    }
    lines.forEach((line, i) => (next[16 * line] = 16 * lines[(i + 1) % lines.length]!));
    let [reached, runs] = [0, 0];
    const walk = () => {
      runs++;
      let at = reached;
      for (let step = 0; step < 2 ** 13; step++) at = next[at]!;
      reached = at;
      return Promise.resolve();
    };
    while (runs < 200) void walk();
    const time = async () => {
      const source = random(3);
      const options = { threads: 1, seconds: 0, uniform: () => source.uniform(), signal: new AbortController().signal };
      return (await coldAndWarm([{ name: 'walk', run: walk }], options)).get('walk')!;
    };
    const times = [await time()];
    assert.equal(runs, 200 + 10, 'five pairs, whatever they take');
    assert.equal(times[0]!.samples, 5);
    // Another process may have the core in the middle of a warm run.
    while (!times.some(({ coldMs, warmMs }) => coldMs > 1.5 * warmMs) && times.length < 4) times.push(await time());
    assert.ok(
      times.some(({ coldMs, warmMs }) => coldMs > 1.5 * warmMs),
      JSON.stringify(times),
    );
  });

  it('are not timed after a stop', async () => {
    const signal = AbortSignal.abort();
    const options = { threads: 1, seconds: 1, uniform: Math.random, signal };
    assert.equal((await coldAndWarm([{ name: 'a', run: () => Promise.reject(new Error('ran')) }], options)).size, 0);
  });

  it('are filled by twice the largest cache, 128 MB at least and 1 GB at most', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'headscope-caches-'));
    for (const [index, size] of Object.entries({ index0: '32K', index2: '1024K', index3: '96M', other: '9G' })) {
      mkdirSync(path.join(folder, index));
      writeFileSync(path.join(folder, index, 'size'), `${size}\n`);
    }
    assert.equal(largestCache(folder), 96 * 2 ** 20);
    assert.equal(largestCache(path.join(folder, 'nowhere')), 0);
    assert.deepEqual([0, 96 * 2 ** 20, 2 ** 30].map(evictedBytes), [128 * 2 ** 20, 192 * 2 ** 20, 2 ** 30]);
  });
});
