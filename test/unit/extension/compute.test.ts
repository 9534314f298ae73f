import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComputeProcess } from '../../../protocol/compute/client';
import type { FromCompute, ToCompute } from '../../../protocol/compute/api';
import { FailureError } from '../../../protocol/wire/failures';
import { Compute } from '../../../extension/platform/compute';
import type { ComputeServices, ComputeState } from '../../../extension/platform/compute';
import { exitReason, launchOptions, startComputeProcess } from '../../../extension/platform/compute-process';
import type { ComputeLaunch } from '../../../extension/platform/compute-process';
import { device, server } from './samples';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A compute server in this process that answers; `supports` kills it, a benchmark ends when told, a check never. */
function fakeProcess(
  asked: string[],
  onBenchmark: (finish: () => void) => void,
  onKill: () => void = () => undefined,
): ComputeProcess {
  let listen: (message: unknown) => void = () => undefined;
  let exit: (why: string) => void = () => undefined;
  const say = (message: FromCompute): void => queueMicrotask(() => listen(message));
  queueMicrotask(() => say({ kind: 'ready', info: server }));
  return {
    send(message: ToCompute) {
      if (message.kind !== 'call') return;
      asked.push(message.method);
      if (message.method === 'benchmark') onBenchmark(() => say({ kind: 'ok', id: message.id, result: {} }));
      else if (message.method === 'checkKernel') return;
      else if (message.method === 'supports') queueMicrotask(() => exit('it was ended by SIGSEGV'));
      else if (message.method === 'estimateAnalysis')
        say({ kind: 'ok', id: message.id, result: { supported: true, seconds: 12 } });
      else say({ kind: 'ok', id: message.id, result: message.method === 'devices' ? [device()] : server });
    },
    onMessage: (listener) => (listen = listener),
    onExit: (listener) => (exit = listener),
    kill: onKill,
  };
}

function compute(may: true | string = true, after?: ComputeServices['after']) {
  const asked: string[] = [];
  const states: ComputeState['kind'][] = [];
  const killed: number[] = [];
  let starts = 0;
  let finish = (): void => undefined;
  const made = new Compute({
    mayRun: () => may,
    named: { analysis: () => undefined, model: (path) => path },
    log: silent,
    detached: { goesOn: () => Promise.resolve(false), run: () => Promise.reject(new Error('not here')) },
    start: () => {
      starts += 1;
      const number = starts;
      return fakeProcess(
        asked,
        (end) => (finish = end),
        () => killed.push(number),
      );
    },
    ...(after === undefined ? {} : { after }),
  });
  made.onState((state) => states.push(state.kind));
  return { made, asked, states, killed, starts: () => starts, finishBenchmark: () => finish() };
}

const failsWith = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof FailureError && error.failure.code === code && words.test(error.message);

const plan = { mechanisms: ['fused', 'tiled'], baseline: 'fused', shape: { lengths: [64] } } as unknown as Parameters<
  Compute['supports']
>[0];

describe('the compute server, seen from the extension', () => {
  it('starts at the first call, not before, and asks for the devices once', async () => {
    const { made, asked, states, starts } = compute();
    assert.equal(starts(), 0);
    await Promise.all([made.devices(), made.devices()]);
    await made.devices();
    assert.equal(starts(), 1);
    assert.deepEqual(asked, ['devices']);
    assert.deepEqual(states.slice(0, 2), ['starting', 'busy']);
    made.dispose();
  });

  it('is busy while it works, ready after', async () => {
    const { made, states } = compute();
    await made.info();
    const tests: boolean[] = [];
    made.onDeviceTest((testing) => tests.push(testing));
    const tested = made.devices();
    assert.equal(made.testsDevices, true);
    await tested;
    assert.deepEqual([tests, made.testsDevices], [[true, false], false]);
    assert.ok(states.includes('busy'));
    assert.equal(made.state.kind, 'ready');
    assert.deepEqual(made.knownDevices, [device()]);
    made.dispose();
  });

  it('says after a crash that it is gone, and works again at the next call', async () => {
    const { made, starts } = compute();
    await made.info();
    await assert.rejects(made.supports(plan), failsWith('compute-restarted', /SIGSEGV|ended/));
    assert.equal(made.state.kind, 'failed');
    await made.info();
    assert.equal(made.state.kind, 'ready');
    assert.equal(starts(), 2);
    made.dispose();
  });

  it('gives up after five crashes until it is restarted by hand', async () => {
    const { made, starts } = compute();
    for (let crash = 0; crash < 5; crash += 1) await assert.rejects(made.supports(plan));
    await assert.rejects(made.info(), failsWith('compute-unavailable', /5 times within 3 minutes/));
    assert.equal(starts(), 5);
    made.restart();
    await made.info();
    assert.equal(made.state.kind, 'ready');
    made.dispose();
  });

  it('takes up changed settings by a new process, but not in the middle of a benchmark', async () => {
    const { made, starts, finishBenchmark } = compute();
    const run = made.benchmark(plan, new AbortController().signal, () => undefined);
    await made.info();
    made.settingsChanged();
    assert.equal(made.state.kind, 'busy');
    assert.equal(starts(), 1);
    finishBenchmark();
    await run;
    assert.equal(starts(), 2);
    await made.info();
    made.settingsChanged();
    assert.equal(starts(), 3);
    made.dispose();
  });

  it('runs one long job at a time, and goes on with the next one when the process is gone', async () => {
    const { made, asked, starts, finishBenchmark } = compute();
    const said: unknown[] = [];
    const first = made.benchmark(plan, new AbortController().signal, () => undefined);
    const second = made.benchmark(plan, new AbortController().signal, (progress) => said.push(progress));
    await made.info();
    assert.deepEqual(
      made.queue.list.map(({ title, state }) => [title, state]),
      [
        ['Benchmark of fused, tiled', 'running'],
        ['Benchmark of fused, tiled', 'waiting'],
      ],
    );
    const sentence = 'Waiting until Headscope is done benchmarking';
    assert.deepEqual(said, [{ kind: 'stage', sentence, done: 0, total: 2 }]);
    assert.deepEqual(asked, ['benchmark', 'info']);
    await assert.rejects(made.supports(plan), failsWith('compute-restarted', /SIGSEGV|ended/));
    await assert.rejects(first, failsWith('compute-restarted', /SIGSEGV|ended/));
    await made.info();
    finishBenchmark();
    await second;
    assert.equal(starts(), 2);
    assert.deepEqual(made.queue.list, []);
    made.dispose();
  });

  it('checks and times kernel files in a process of their own, which alone ends with a check that does not stop', async () => {
    let kill = (): void => undefined;
    const { made, asked, killed, starts, finishBenchmark } = compute(true, (milliseconds, act) => {
      if (milliseconds === 1200) kill = act;
      return () => undefined;
    });
    const kernel = { id: 'own:mine', file: '/w/mine.headscope-kernel.ts', root: '/w' };
    await made.info();
    const abort = new AbortController();
    const check = made.checkKernel({ kernel, parameters: {} }, abort.signal, () => undefined);
    const cancelled = assert.rejects(check, failsWith('cancelled', /./));
    while (!asked.includes('checkKernel')) await new Promise(setImmediate);
    abort.abort();
    kill();
    await cancelled;
    assert.deepEqual(killed, [2], 'the process of models stays');
    assert.equal(made.state.kind, 'ready');
    const timed = made.benchmark({ ...plan, kernels: [kernel] }, new AbortController().signal, () => undefined);
    while (!asked.includes('benchmark')) await new Promise(setImmediate);
    made.restart();
    await assert.rejects(timed, failsWith('compute-restarted', /./));
    assert.deepEqual(killed, [2, 3, 1]);
    assert.equal(starts(), 4);
    finishBenchmark();
    made.dispose();
  });

  it('remembers what a run was estimated to take while it waits', async () => {
    const request = { analysis: 'ablation', folder: '/m' } as unknown as Parameters<Compute['estimateAnalysis']>[0];
    const { made } = compute();
    void made.benchmark(plan, new AbortController().signal, () => undefined).catch(() => undefined);
    await made.estimateAnalysis(request);
    void made.analysis(request, new AbortController().signal, () => undefined).catch(() => undefined);
    const { title, model, secondsLeft } = made.queue.list[1]!;
    assert.deepEqual([title, model, secondsLeft], ['ablation', '/m', 12]);
    made.dispose();
  });

  it('starts nothing for changed settings while nothing runs', () => {
    const { made, starts } = compute();
    made.settingsChanged();
    assert.equal(starts(), 0);
    made.dispose();
  });

  it('does not start where nothing may run', async () => {
    const { made, starts } = compute('This workspace is not trusted.');
    await assert.rejects(made.info(), failsWith('compute-unavailable', /not trusted/));
    assert.equal(starts(), 0);
    made.dispose();
  });
});

describe('the process of the compute server', () => {
  const launch = (change: Partial<ComputeLaunch> = {}): ComputeLaunch => ({
    module: '/nowhere/compute-server.js',
    nodePath: '',
    device: 'cpu',
    weights: 'as-stored',
    cacheWeights: 0,
    runtimeFolder: '',
    threads: 0,
    memoryLimit: 0,
    deviceMemory: '',
    cacheFolder: '/cache',
    log: () => undefined,
    ...change,
  });

  it('acts as Node.js inside the desktop editor, and hands over what the settings say', () => {
    const inEditor = launchOptions(
      launch({
        device: 'webgpu',
        weights: 'q8',
        cacheWeights: 20,
        runtimeFolder: '/cuda',
        threads: 4,
        memoryLimit: 1.5,
        deviceMemory: '8',
      }),
      { NODE_OPTIONS: '--inspect', HOME: '/h' },
      true,
    );
    assert.equal(inEditor.serialization, 'advanced');
    assert.deepEqual(inEditor.env, {
      HOME: '/h',
      MALLOC_MMAP_THRESHOLD_: '1048576',
      HEADSCOPE_CACHE_DIR: '/cache',
      HEADSCOPE_DEVICE: 'webgpu',
      HEADSCOPE_WEIGHTS: 'q8',
      HEADSCOPE_CACHE_WEIGHTS: '20000000000',
      HEADSCOPE_RUNTIME: '/cuda',
      HEADSCOPE_THREADS: '4',
      HEADSCOPE_MEMORY_LIMIT: '1500000000',
      HEADSCOPE_DEVICE_MEMORY: '8000000000',
      ELECTRON_RUN_AS_NODE: '1',
      ELECTRON_NO_ASAR: '1',
    });
    const said = (deviceMemory: string) => launchOptions(launch({ deviceMemory }), {}).env?.['HEADSCOPE_DEVICE_MEMORY'];
    assert.equal(said('webgpu=6GB,cpu=20GB'), 'webgpu=6GB,cpu=20GB');
    assert.equal(said('8GB'), '8GB');
    assert.equal(said('0'), undefined);
    const elsewhere = launchOptions(
      launch({ nodePath: '/usr/bin/node' }),
      { ELECTRON_RUN_AS_NODE: '1', HEADSCOPE_WEIGHTS: 'q4' },
      true,
    );
    assert.equal(elsewhere.execPath, '/usr/bin/node');
    assert.deepEqual(elsewhere.env, {
      MALLOC_MMAP_THRESHOLD_: '1048576',
      HEADSCOPE_CACHE_DIR: '/cache',
      HEADSCOPE_DEVICE: 'cpu',
    });
  });

  it('explains how it ended', () => {
    assert.match(exitReason(null, 'SIGTRAP', ''), /headscope\.compute\.nodePath/);
    assert.doesNotMatch(exitReason(null, 'SIGTRAP', '/usr/bin/node'), /nodePath/);
    assert.match(exitReason(null, 'SIGKILL', ''), /memory runs out/);
    assert.match(exitReason(7, null, ''), /exit code 7/);
  });

  const reasonOf = (process: ComputeProcess): Promise<string> => new Promise((resolve) => process.onExit(resolve));

  it('says what is missing instead of starting', async () => {
    assert.match(await reasonOf(startComputeProcess(launch())), /not at \/nowhere/);
    const wrong = launch({ module: __filename, nodePath: '/nowhere/node' });
    assert.match(await reasonOf(startComputeProcess(wrong)), /nodePath names \/nowhere\/node/);
  });

  describe('a real child', () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'headscope-child-'));
    });
    after(() => rm(folder, { recursive: true }));

    it('passes typed arrays and the lines it writes, and reports its end', async () => {
      const module = join(folder, 'child.js');
      await writeFile(
        module,
        `process.on('message', () => { process.send({ kind: 'ok', id: 1, result: new Float32Array([1.5]) }, () => {
           console.error('last words'); process.exitCode = 9; process.disconnect(); }); });`,
      );
      const lines: string[] = [];
      const child = startComputeProcess(launch({ module, log: (line) => lines.push(line) }));
      const answer = new Promise((resolve) => child.onMessage(resolve));
      const end = reasonOf(child);
      child.send({ kind: 'cancel', id: 1 });
      const { result } = (await answer) as { result: Float32Array };
      assert.ok(result instanceof Float32Array);
      assert.equal(result[0], 1.5);
      // A Node that has started and answered has computed something, where the system says so.
      assert.equal((child.computed?.() ?? 0) > 0, process.platform === 'linux');
      assert.match(await end, /exit code 9/);
      assert.deepEqual(lines, ['last words']);
      child.send({ kind: 'cancel', id: 2 });
    });
  });
});
