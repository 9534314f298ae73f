import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { ShardedCall } from '../../../compute-server/shards/messages';
import { ShardedRun } from '../../../compute-server/shards/sharded-run';
import {
  distributedMha,
  gridOf,
  type DistributedParameters,
} from '../../../kernels/mechanisms/distributed/distributed-mha';
import { passedNumbers, shardsOf } from '../../../kernels/mechanisms/distributed/partition';
import type { AttentionShape } from '../../../kernels/shape';
import { measureError } from '../../../kernels/tensors/error';
import { drawInputs } from '../../../kernels/inputs';
import { tensor } from '../../../kernels/tensors/tensor';
import { allowedError } from '../../../kernels/tolerance';
import { failureOf } from '../compute/support/failure';
import { buildServer, serverScript as entry } from '../compute/support/server';

const small: AttentionShape = {
  pattern: 'causal-self',
  batch: 2,
  heads: 6,
  kvHeads: 3,
  queries: 50,
  keys: 50,
  headDim: 8,
  valueDim: 16,
};
const callOf = (shape: Partial<AttentionShape>, parameters: Partial<DistributedParameters>): ShardedCall => ({
  shape: { ...small, ...shape },
  parameters: {
    headWorkers: 1,
    sequenceWorkers: 1,
    schedule: 'ring',
    balanced: true,
    rows: 8,
    block: 10,
    ...parameters,
  },
  seed: 3,
});
/** Seconds of work for each worker. */
const long = callOf(
  { batch: 1, queries: 6000, keys: 6000, headDim: 64 },
  { sequenceWorkers: 2, rows: 128, block: 1024 },
);

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function assertNothingLeft(run: ShardedRun): Promise<void> {
  await run.close();
  assert.deepEqual(run.pids.filter(lives), []);
  assert.equal(existsSync(run.folder), false);
}

/** Runs twice: the second call finds all that the first one left behind. */
async function assertRight(call: ShardedCall): Promise<void> {
  const { shape, parameters, seed } = call;
  const run = await ShardedRun.open(call, { entry });
  try {
    const inputs = drawInputs(distributedMha, shape, parameters, seed);
    const expected = distributedMha.reference(inputs, shape, parameters);
    const tolerance = allowedError(distributedMha, inputs, shape, parameters, 'float32');
    const shards = shardsOf(shape, gridOf(parameters));
    for (let count = 0; count < 2; count++) {
      const { output, workers, ms } = await run.run({ collect: true });
      const error = measureError(tensor(expected.shape, Float64Array.from(output!)), expected);
      assert.ok(error.nanMismatches === 0 && error.maxAbsolute <= tolerance, `${error.maxAbsolute} over ${tolerance}`);
      assert.deepEqual(
        workers.map(({ passedBytes }) => passedBytes),
        shards.map((shard) => 4 * passedNumbers(shape, shards, shard, gridOf(parameters))),
      );
      assert.ok(workers.every(({ computeMs, exchangeMs }) => computeMs + exchangeMs <= ms));
    }
    const { output } = await run.run({ collect: false });
    assert.equal(output, undefined, 'outputs stay with the workers unless they are asked for');
  } finally {
    await assertNothingLeft(run);
  }
}

describe('attention over worker processes', function () {
  this.timeout(60_000);
  before(buildServer);

  for (const workers of [1, 2, 3]) {
    for (const pattern of ['causal-self', 'noncausal-self'] as const) {
      it(`${workers} along heads equal the float64 reference, ${pattern}`, () =>
        assertRight(callOf({ pattern }, { headWorkers: workers })));
      // One worker is the same ring along heads.
      for (const schedule of workers === 1 ? ['gather'] : ['ring', 'gather']) {
        it(`${workers} along the sequence equal it, ${schedule}, ${pattern}, and pass the bytes of the formula`, () =>
          assertRight(callOf({ pattern }, { sequenceWorkers: workers, schedule })));
      }
    }
  }

  it('a grid of heads and sequence, pieces in their plain order, and a cache before the queries', async () => {
    await assertRight(callOf({}, { headWorkers: 2, sequenceWorkers: 2, balanced: false }));
    await assertRight(callOf({ queries: 7, keys: 41 }, { headWorkers: 3, sequenceWorkers: 2, schedule: 'gather' }));
    await assertRight(callOf({ pattern: 'causal-cross', queries: 9, keys: 31 }, { sequenceWorkers: 3 }));
  });

  it('more workers than positions: those without queries still hand their keys on', async () => {
    for (const schedule of ['ring', 'gather']) {
      await assertRight(callOf({ queries: 2, keys: 5 }, { sequenceWorkers: 3, schedule }));
    }
  });

  it('a worker that is killed ends the call with a sentence that names it, and nothing is left', async () => {
    for (const schedule of ['ring', 'gather']) {
      const run = await ShardedRun.open({ ...long, parameters: { ...long.parameters, schedule } }, { entry });
      const call = run.run({ collect: true });
      process.kill(run.pids[1]!, 'SIGKILL');
      const failure = await failureOf(call);
      assert.equal(failure.code, 'compute-restarted');
      assert.ok('detail' in failure && /^worker 2 of 2 ended: it was killed \(SIGKILL\)/.test(failure.detail));
      assert.deepEqual(await failureOf(run.run({ collect: true })), failure, 'a later call says the same');
      await assertNothingLeft(run);
    }
  });

  it('cancelled in mid-call it answers at once and ends the workers', async () => {
    const controller = new AbortController();
    const run = await ShardedRun.open(long, { entry, signal: controller.signal });
    const call = run.run({ collect: true });
    controller.abort();
    assert.deepEqual(await failureOf(call), { code: 'cancelled' });
    await assertNothingLeft(run);
  });

  it('cancelled before or while it opens it leaves no process', async () => {
    assert.deepEqual(await failureOf(ShardedRun.open(long, { entry, signal: AbortSignal.abort() })), {
      code: 'cancelled',
    });
    const controller = new AbortController();
    const opening = ShardedRun.open(long, { entry, signal: controller.signal });
    controller.abort();
    assert.deepEqual(await failureOf(opening), { code: 'cancelled' });
  });

  it('refuses heads that would have to be split and queries that read nothing', async () => {
    for (const call of [callOf({}, { headWorkers: 4 }), callOf({ queries: 9, keys: 5 }, {})]) {
      assert.equal((await failureOf(ShardedRun.open(call, { entry }))).code, 'unsupported');
    }
  });
});
