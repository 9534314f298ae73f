import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { FromCompute, MechanismInfo } from '../../../protocol/compute/api';
import { sentenceOf } from '../../../protocol/wire/words';
import { listeningPorts } from '../../support/listening-ports';
import { failureOf } from './support/failure';
import { buildServer, environment, serverScript, smallPlan, startClient } from './support/server';

describe('calls of the compute server', function () {
  this.timeout(60_000);
  let client: ComputeClient;
  before(async () => {
    await buildServer();
    client = startClient();
  });
  after(() => client.dispose());

  it('says what it is', async () => {
    const info = await client.call('info', []);
    assert.match(info.runtime, /^onnxruntime-node \d+\.\d+/);
    assert.equal(info.headscope, '0.0.0-test');
    assert.notEqual(info.pid, process.pid);
  });

  if (process.platform === 'linux') {
    it('listens on no port: a remote window has none to forward', async () => {
      const own = createServer().listen(0, '127.0.0.1');
      await once(own, 'listening');
      const address = own.address();
      assert.ok(typeof address === 'object' && address !== null);
      assert.deepEqual(
        listeningPorts([process.pid]).filter((port) => port === address.port),
        [address.port],
      );
      own.close();
      const { pid } = await client.call('info', []);
      assert.deepEqual(listeningPorts([pid]), []);
    });
  }

  it('answers several calls at once, each with its own result', async () => {
    const [info, mechanisms, supports, again] = await Promise.all([
      client.call('info', []),
      client.call('mechanisms', []),
      client.call('supports', [smallPlan()]),
      client.call('info', []),
    ]);
    assert.deepEqual(info, again);
    assert.ok(mechanisms.some((mechanism) => mechanism.id === 'fused'));
    assert.deepEqual(
      supports.map((support) => [support.mechanism, support.ok]),
      [
        ['scaled-dot-product', true],
        ['fused', true],
      ],
    );
  });

  it('describes each mechanism with its patterns and parameters', async () => {
    const window = (await client.call('mechanisms', [])).find(
      (mechanism): mechanism is MechanismInfo => mechanism.id === 'sliding-window',
    );
    assert.ok(window);
    assert.equal(window.patterns['causal-self'], true);
    assert.deepEqual(
      window.parameters.map(({ name, kind }) => [name, kind]),
      [['window', 'integer']],
    );
  });

  it('says why a mechanism cannot run the plan', async () => {
    const plan = smallPlan({ shape: { valueDim: 16 } });
    const fused = (await client.call('supports', [plan])).find((support) => support.mechanism === 'fused');
    assert.equal(fused?.ok, false);
    assert.match(fused.why ?? '', /values as wide as queries/);
  });

  const malformed: readonly (readonly [string, unknown, RegExp])[] = [
    ['an unknown method', { kind: 'call', id: 1, method: 'format', args: [] }, /no method "format"/],
    ['a method of every object', { kind: 'call', id: 1, method: 'constructor', args: [] }, /no method/],
    ['no method', { kind: 'call', id: 1 }, /no method/],
    ['an unknown kind', { kind: 'query', id: 1 }, /kind "query"/],
    ['no arguments', { kind: 'call', id: 1, method: 'info' }, /not a list/],
    ['too many arguments', { kind: 'call', id: 1, method: 'info', args: [1] }, /no arguments/],
    ['no plan', { kind: 'call', id: 1, method: 'benchmark', args: [] }, /takes 1 arguments/],
    [
      'a plan that is a text',
      { kind: 'call', id: 1, method: 'benchmark', args: ['fast'] },
      /^the plan is an object, not "fast"$/,
    ],
    ['a roof of no device', { kind: 'call', id: 1, method: 'roof', args: ['', 1] }, /device is a non-empty text/],
    [
      'threads that are no number',
      { kind: 'call', id: 1, method: 'roof', args: ['cpu', Number.NaN] },
      /^threads .*, and it is not a number$/,
    ],
  ];

  it('answers every malformed call with what is wrong, and goes on', async () => {
    const child = fork(serverScript, [], { serialization: 'advanced', env: environment() });
    try {
      await once(child, 'message');
      for (const [name, message, expected] of malformed) {
        child.send(message as object);
        const [reply] = (await once(child, 'message')) as [FromCompute];
        assert.ok(reply.kind === 'failed' && reply.failure.code === 'bad-request', `${name}: ${JSON.stringify(reply)}`);
        assert.match(reply.failure.detail, expected, name);
      }
      // Without an id there is nobody to answer; the process must live on.
      for (const noise of [null, 7, 'hello', [], {}, { kind: 'cancel' }, { kind: 'cancel', id: 99 }]) {
        child.send(noise as object);
      }
      const replies = on(child, 'message') as AsyncIterable<[FromCompute]>;
      child.send({ kind: 'call', id: 2, method: 'info', args: [] });
      for await (const [reply] of replies) {
        if (reply.kind === 'log') continue;
        assert.equal(reply.kind, 'ok');
        break;
      }
    } finally {
      child.kill();
    }
  });

  it('leaves the number of threads to the runtime when the environment asks for more than there are processors', async () => {
    const logs: string[] = [];
    const asking = startClient(
      { onLog: (level, message) => logs.push(`${level}: ${message}`) },
      { HEADSCOPE_THREADS: String(availableParallelism() + 1) },
    );
    try {
      const result = await asking.call('benchmark', [smallPlan({ threads: 0, secondsPerLength: 0.1 })]);
      assert.equal(result.device.threads, 0);
      assert.match(logs.join('\n'), /^warn: \d+ threads are more than this machine has processors \(\d+\)/);
    } finally {
      asking.dispose();
    }
  });

  it('makes a cancelled result of the rows that had arrived before the process was ended', async () => {
    const lengths = [256, 512, 1024];
    const done = lengths.flatMap((length) => [
      { mechanism: 'fused', length, ok: true, medianMs: length ** 2 / 1e4 },
      { mechanism: 'scaled-dot-product', length, ok: true, medianMs: length / 10 },
    ]);
    const plan = smallPlan({ mechanisms: ['scaled-dot-product'], shape: { lengths } });
    const result = await client.call('stoppedBenchmark', [{ ...plan, done }]);
    assert.equal(result.state, 'cancelled');
    assert.deepEqual(result.rows, done);
    assert.deepEqual(result.plan, plan);
    assert.match(result.device.runtime, /^onnxruntime-node/);
    const exponents = result.fits.map(({ mechanism, exponent }) => [mechanism, Math.round(exponent * 1e6) / 1e6]);
    assert.deepEqual(Object.fromEntries(exponents), { fused: 2, 'scaled-dot-product': 1 });
    const failure = await failureOf(client.call('stoppedBenchmark', [{ ...plan, mechanisms: ['psychic'] }]));
    assert.equal(failure.code, 'bad-request');
  });

  it('says of a cancelled call that there is no result', async () => {
    const failure = await failureOf(client.call('devices', [{ roof: false }], { signal: AbortSignal.abort() }));
    assert.equal(sentenceOf(failure), 'Cancelled. There is no result: run it again to get one.');
  });

  const badPlans: readonly (readonly [string, object, RegExp])[] = [
    ['a length of NaN', { shape: { lengths: [Number.NaN] } }, /lengths\[0\] .*, and it is not a number$/],
    ['more threads than processors', { threads: availableParallelism() + 1 }, /threads .* as many as this machine has/],
    ['keys of their own in self-attention', { shape: { keys: 100 } }, /keys is for the cross patterns/],
    ['no length', { shape: { lengths: [] } }, /lengths is a list/],
    ['a negative length', { shape: { lengths: [-4] } }, /from 1 to/],
    ['a broken length', { shape: { lengths: [1.5] } }, /whole number/],
    ['an unknown pattern', { shape: { pattern: 'diagonal' } }, /causal-self/],
    [
      'key/value heads that do not divide',
      { shape: { heads: 6, kvHeads: 4 } },
      /kvHeads is a divisor of shape\.heads, which is 6, not 4$/,
    ],
    ['an unknown mechanism', { mechanisms: ['psychic'] }, /psychic.*fused/],
    ['an unknown baseline', { baseline: 'none' }, /no mechanism "none"/],
    ['an endless budget', { secondsPerLength: Infinity }, /secondsPerLength.*Infinity/],
    ['a budget of NaN', { secondsPerLength: Number.NaN }, /secondsPerLength/],
    ['an unknown precision', { precision: 'int4' }, /float16/],
    ['an unknown parameter', { parameters: { 'sliding-window': { width: 3 } } }, /it takes window/],
    ['a parameter out of range', { parameters: { 'sliding-window': { window: -1 } } }, /window must be a whole number/],
    ['a parameter of NaN', { parameters: { 'sliding-window': { window: Number.NaN } } }, /window must be/],
    ['a broken seed', { seed: -1 }, /seed/],
    ['rows that are none', { done: [{ mechanism: 'fused' }] }, /done\[0\].length/],
  ];
  for (const [name, changes, expected] of badPlans) {
    it(`refuses ${name}`, async () => {
      const failure = await failureOf(client.call('benchmark', [smallPlan(changes)]));
      assert.ok(failure.code === 'bad-request', JSON.stringify(failure));
      assert.match(failure.detail, expected);
    });
  }

  it('refuses an unknown device and one that is not here, with the reason', async () => {
    for (const [device, expected] of [
      ['abacus', /none of cpu, webgpu/],
      [process.platform === 'darwin' ? 'dml' : 'coreml', /does not exist on/],
    ] as const) {
      const failure = await failureOf(client.call('benchmark', [smallPlan({ device })]));
      assert.ok(failure.code === 'device-unavailable', JSON.stringify(failure));
      assert.equal(failure.device, device);
      assert.match(failure.detail, expected);
    }
  });

  it('answers a call that cannot be sent', async () => {
    const plan = { ...smallPlan(), origin: (() => 'a function cannot be cloned') as unknown as string };
    assert.equal((await failureOf(client.call('benchmark', [plan]))).code, 'bad-request');
  });
});
