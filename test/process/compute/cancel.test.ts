import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BenchmarkProgress } from '../../../protocol/compute/api';
import type { ComputeClient, ComputeState } from '../../../protocol/compute/client';
import { failureOf } from './support/failure';
import { buildServer, environment, serverScript, smallPlan, startClient } from './support/server';

/** Resolves when the job says that it has come to `words`. */
function reaching(words: RegExp): { onProgress: (step: BenchmarkProgress) => void; reached: Promise<void> } {
  let done = () => {};
  const reached = new Promise<void>((resolve) => (done = resolve));
  return {
    reached,
    onProgress(step) {
      if (step.kind === 'stage' && words.test(step.sentence)) done();
    },
  };
}

/** Lengths enough for minutes, in float16, before whose timing no machine is calibrated (2 to 3 s of computing a run). */
const longPlan = smallPlan({
  precision: 'float16',
  mechanisms: ['scaled-dot-product', 'sliding-window'],
  shape: { lengths: [64, 512, 1024, 1536, 2048] },
  secondsPerLength: 60,
});

describe('cancelling', function () {
  this.timeout(60_000);
  let client: ComputeClient;
  let states: ComputeState[];
  let overdue: string[];
  let crashes: string[];
  before(buildServer);
  beforeEach(() => {
    [states, overdue, crashes] = [[], [], []];
    client = startClient({
      onState: (state) => states.push(state),
      onOverdue: (method) => overdue.push(method),
      onCrash: (why) => crashes.push(why),
    });
  });
  afterEach(() => client.dispose());

  it('asked: stops between two runs, keeps what was measured, and the process lives on', async () => {
    const { pid } = await client.call('info', []);
    const controller = new AbortController();
    const { onProgress, reached } = reaching(/Length 1024: timing/);
    // Its first length takes long enough to be told of: at most four stages a second are.
    const plan = { ...longPlan, shape: { ...longPlan.shape, lengths: [1024, 2048] } };
    const call = client.call('benchmark', [plan], { signal: controller.signal, onProgress });
    await reached;
    controller.abort();
    const result = await call;
    assert.equal(result.state, 'cancelled');
    assert.ok(result.rows.length > 0, 'the length in progress is kept');
    assert.ok(result.rows.every((row) => row.notes?.includes('cancelled') && row.samples! > 0));
    assert.deepEqual(overdue, []);
    assert.equal((await client.call('info', [])).pid, pid);
  });

  it('asked before it began: answers at once and starts nothing', async () => {
    assert.equal(
      (await failureOf(client.call('benchmark', [longPlan], { signal: AbortSignal.abort() }))).code,
      'cancelled',
    );
    assert.deepEqual(states, []);
  });

  it('asked while it waits for its turn: is answered at once, and the running job is left alone', async () => {
    const { onProgress, reached } = reaching(/timing/);
    const running = new AbortController();
    const benchmark = client.call('benchmark', [longPlan], { signal: running.signal, onProgress });
    await reached;
    const waiting = new AbortController();
    const roof = client.call('roof', ['cpu', 1], { signal: waiting.signal });
    waiting.abort();
    assert.equal((await failureOf(roof)).code, 'cancelled');
    running.abort();
    assert.equal((await benchmark).state, 'cancelled');
    assert.deepEqual(overdue, []);
  });

  it('a new benchmark takes the place of the running one, which answers with what it has', async () => {
    const { onProgress, reached } = reaching(/timing/);
    const first = client.call('benchmark', [longPlan], { onProgress });
    await reached;
    const second = await client.call('benchmark', [smallPlan()]);
    assert.equal((await first).state, 'cancelled');
    assert.equal(second.state, 'done');
  });

  it('overdue and killed: a run that cannot be interrupted is ended, every call answered, and the next call works', async () => {
    const { pid } = await client.call('info', []);
    const controller = new AbortController();
    const { onProgress, reached } = reaching(/proving .*/);
    const plan = smallPlan({ mechanisms: ['slow'], baseline: 'slow' });
    const [call, other] = [
      client.call('benchmark', [plan], { signal: controller.signal, onProgress }),
      reached.then(() => client.call('roof', ['cpu', 1])),
    ];
    await reached;
    controller.abort();
    const [failure, otherFailure] = await Promise.all([failureOf(call), failureOf(other)]);
    assert.equal(failure.code, 'cancelled');
    assert.equal(otherFailure.code, 'compute-restarted', 'the waiting call is answered too');
    assert.deepEqual(overdue, ['benchmark']);
    const info = await client.call('info', []);
    assert.notEqual(info.pid, pid);
    assert.deepEqual(crashes, [], 'a kill on request is no crash');
    assert.deepEqual(states, ['starting', 'ready', 'stopped', 'starting', 'ready']);
  });

  it('killed from outside in mid-run: every pending call is answered and the next one works', async () => {
    const { pid } = await client.call('info', []);
    const { onProgress, reached } = reaching(/timing/);
    const calls = [client.call('benchmark', [longPlan], { onProgress }), client.call('roof', ['cpu', 1])];
    await reached;
    process.kill(pid, 'SIGKILL');
    for (const failure of await Promise.all(calls.map(failureOf))) {
      assert.ok(failure.code === 'compute-restarted', JSON.stringify(failure));
      assert.match(failure.detail, /SIGKILL/);
    }
    assert.equal(crashes.length, 1);
    assert.notEqual((await client.call('info', [])).pid, pid);
  });

  it('a native abort in mid-run is told in words, and the next call works', async () => {
    const failure = await failureOf(client.call('benchmark', [smallPlan({ mechanisms: ['aborting'] })]));
    assert.ok(failure.code === 'compute-restarted', JSON.stringify(failure));
    assert.match(failure.detail, /native library gave up \(SIGABRT\)/);
    assert.equal((await client.call('benchmark', [smallPlan()])).state, 'done');
  });

  it('restart on request answers what is pending', async () => {
    const { onProgress, reached } = reaching(/timing/);
    const call = client.call('benchmark', [longPlan], { onProgress });
    await reached;
    client.restart();
    assert.equal((await failureOf(call)).code, 'compute-restarted');
    assert.ok((await client.call('info', [])).pid > 0);
  });

  for (const [words, call] of [
    ['while it waits', { kind: 'call', id: 1, method: 'info', args: [] }],
    ['in mid-run', { kind: 'call', id: 1, method: 'benchmark', args: [longPlan] }],
  ] as const) {
    it(`the process ends with its parent that is killed ${words}`, async () => {
      // A parent that says which process it started when the call is under way, and lives on.
      const source = `
        const child = require('node:child_process').fork(process.argv[1], [], {
          serialization: 'advanced',
          stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        });
        child.on('message', ({ kind }) => {
          if (kind === 'ready') child.send(JSON.parse(process.argv[2]));
          else console.log(child.pid);
        });`;
      const parent = spawn(process.execPath, ['-e', source, serverScript, JSON.stringify(call)], {
        env: environment(),
      });
      const [text] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number.parseInt(String(text), 10);
      process.kill(pid, 0);
      parent.kill('SIGKILL');
      await gone(pid);
    });
  }

  it('a client that is let go ends its process and answers no more', async () => {
    const { pid } = await client.call('info', []);
    client.dispose();
    assert.equal((await failureOf(client.call('info', []))).code, 'compute-unavailable');
    await gone(pid);
  });
});

/** Resolves when no process has the id any more. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await once(new Tick(), 'tick');
  }
}

class Tick extends EventTarget {
  constructor() {
    super();
    setTimeout(() => this.dispatchEvent(new Event('tick')), 20);
  }
}
