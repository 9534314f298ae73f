import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { ShardedSetup, ShardedScaling } from '../../../protocol/results/sharded';
import { patience } from '../../support/patience';
import { failureOf } from '../compute/support/failure';
import { buildServer, headscope, startClient } from '../compute/support/server';

const plan: ShardedSetup = {
  shape: { pattern: 'causal-self', batch: 1, heads: 4, kvHeads: 4, headDim: 64, valueDim: 64, length: 1500 },
  grids: [{ headWorkers: 1, sequenceWorkers: 2, schedule: 'ring' }],
  balanced: true,
  seed: 5,
  seconds: 60,
};

/** Folders of parts that a process made and that are still there. */
const foldersOf = (pid: number): readonly string[] =>
  ['/dev/shm', tmpdir()].flatMap((folder) => {
    try {
      return readdirSync(folder).filter((name) => name.startsWith(`headscope-sharded-${pid}-`));
    } catch {
      return [];
    }
  });

describe('headscope distributed', function () {
  this.timeout(120_000);
  let client: ComputeClient;
  before(buildServer);
  beforeEach(() => (client = startClient()));
  afterEach(() => client.dispose());

  it('times heads, ring and gather against one worker, each proved, and says what the times include', async () => {
    const words = '--workers 2,3 --length 120 --heads 6 --kv-heads 3 --head-dim 8 --seconds 0.2 --json -';
    const { code, stdout, stderr } = await headscope(['distributed', ...words.split(' ')]);
    assert.equal(code, 0, stderr);
    const { rows, includes, link, fusedMs, state, kind } = JSON.parse(stdout) as ShardedScaling;
    assert.deepEqual([kind, state], ['headscope-sharded', 'done']);
    assert.deepEqual(
      rows.map(({ headWorkers, sequenceWorkers, schedule }) => `${headWorkers} x ${sequenceWorkers} ${schedule}`),
      ['1 x 1 ring', '2 x 1 ring', '1 x 2 ring', '1 x 2 gather', '3 x 1 ring', '1 x 3 ring', '1 x 3 gather'],
    );
    assert.match(includes, /exchange of keys and values.*merge by log-sums.*are not in the time/);
    assert.equal(/Up to 3 workers share \d+ processors/.test(includes), availableParallelism() < 3);
    assert.ok(link.bytesPerSecond > 0 && link.latencyMs > 0 && fusedMs > 0);
    for (const row of rows) {
      assert.ok(row.maxError <= row.tolerance && row.medianMs > 0 && row.cpuMs > 0 && row.predictedMs > 0);
      assert.ok(row.computeMs + row.exchangeMs <= row.medianMs * 3);
      assert.equal(row.speedUp === undefined, row.workers === 1);
      // Half of the keys and values, or two thirds of them, of 3 heads of 8.
      assert.equal(row.passedBytes, (4 * 3 * 16 * 120 * (row.sequenceWorkers - 1)) / row.sequenceWorkers);
    }
    assert.equal(rows[0]!.predictedSpeedUp, 1);
    const table = await headscope(['distributed', ...words.replace(' --json -', '').replace('2,3', '2').split(' ')]);
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /1 x 2 gather .*\n[^]*A call lasts from/);
  });

  it('sets the gain of blocks, over the whole matrix in one process, apart from that of workers; and scales weakly', async () => {
    const words = '--workers 2,4 --split heads --length 128 --heads 4 --head-dim 8 --seconds 0.2 --weak';
    const { code, stdout, stderr } = await headscope(['distributed', ...words.split(' '), '--json', '-']);
    assert.equal(code, 0, stderr);
    const { vanilla, weak, rows } = JSON.parse(stdout) as ShardedScaling;
    assert.equal(rows.length, 3);
    assert.ok(vanilla && 'medianMs' in vanilla && vanilla.medianMs > 0);
    const { low, median, high } = vanilla.gainOfBlocks;
    assert.ok(low <= median && median <= high && median > 0);
    // 128 sqrt(2) and 128 sqrt(4) positions.
    assert.deepEqual(
      weak?.map(({ workers, length }) => [workers, length]),
      [
        [2, 181],
        [4, 256],
      ],
    );
    for (const row of weak ?? [])
      assert.ok(row.maxError <= row.tolerance && row.medianMs > 0 && row.efficiency.median > 0);
    const table = await headscope(['distributed', ...words.split(' ')]);
    assert.match(table.stdout, /Blocks alone gain .* times \(one worker\), the best of \d workers over it .* times\./);
    assert.match(table.stdout, /Weak scaling[^]*4 x 1 +256 /);
  });

  it('refuses what needs more memory than there is, with the nearest length that fits', async () => {
    const words = '--length 65536 --heads 8 --head-dim 64 --memory-limit 1GB';
    const { code, stderr } = await headscope(['distributed', ...words.split(' ')]);
    assert.equal(code, 3, stderr);
    const fits = Number(/length of at most (\d+)/.exec(stderr)?.[1]);
    assert.ok(fits > 1024 && fits < 65536 && fits % 64 === 0, stderr);
  });

  it('runs without the whole matrix where that alone does not fit, and says so', async () => {
    const words = '--workers 2 --split heads --length 4096 --heads 2 --head-dim 8 --seconds 0.2 --memory-limit 0.1GB';
    const { code, stdout, stderr } = await headscope(['distributed', ...words.split(' '), '--json', '-']);
    assert.equal(code, 0, stderr);
    const { vanilla } = JSON.parse(stdout) as ShardedScaling;
    assert.ok(vanilla && 'reason' in vanilla);
    assert.match(vanilla.reason, /^The whole matrix needs .* more than the limit of .*--length/);
  });

  for (const [words, expected] of [
    ['--workers 1', /--workers a number above 1/],
    ['--workers 9 --split heads', /8 key\/value heads cannot be split over 9 workers/],
    ['--heads 6 --kv-heads 4', /do not divide/],
    ['--schedule tree', /Allowed choices are ring, gather, both/],
  ] as const) {
    it(`ends with 2 for ${words}`, async () => {
      const { code, stderr } = await headscope(['distributed', ...words.split(' ')]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, expected);
    });
  }

  it('refuses what is no plan and names the field', async () => {
    const wrong = { ...plan, grids: [{ headWorkers: 5, sequenceWorkers: 1, schedule: 'ring' as const }] };
    const failure = await failureOf(client.call('distributed', [wrong]));
    assert.ok(failure.code === 'bad-request' && failure.detail.startsWith('grids[0].headWorkers'));
  });

  it('cancelled while it is timed it keeps the whole rounds and leaves no folder', async () => {
    const { pid } = await client.call('info', []);
    const controller = new AbortController();
    const result = await client.call('distributed', [plan], {
      signal: controller.signal,
      onProgress: ({ sentence }) => {
        if (/round/.test(sentence)) controller.abort();
      },
    });
    assert.equal(result.state, 'cancelled');
    assert.ok(result.rows.every(({ samples }) => samples >= 1));
    assert.deepEqual(foldersOf(pid), []);
  });

  it('when the compute process is killed its workers end by themselves and remove what they exchanged', async () => {
    const { pid } = await client.call('info', []);
    let seen = 0;
    const call = client.call('distributed', [plan], {
      onProgress: ({ sentence }) => {
        if (!/round/.test(sentence)) return;
        seen ||= foldersOf(pid).length;
        process.kill(pid, 'SIGKILL');
      },
    });
    assert.equal((await failureOf(call)).code, 'compute-restarted');
    assert.equal(seen, 2, 'one folder for each grid');
    // A worker notices after the step that it computes.
    const until = performance.now() + patience(30_000);
    while (foldersOf(pid).length > 0 && performance.now() < until) await wait(20);
    assert.deepEqual(foldersOf(pid), []);
  });
});
