import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { shapeAt } from '../../../compute-server/harness/cell';
import type { Mechanism } from '../../../kernels/mechanism';
import { memoryAsContext } from '../../../kernels/mechanisms/titans/memory-as-context';
import { resolveTable } from '../../../protocol/analysis/parameters';
import type { BenchmarkProgress } from '../../../protocol/compute/api';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { MachineLoad, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { ModuleSetup } from '../../../protocol/results/module-schema';
import { unclassified } from '../../../protocol/results/comparability';
import { sentenceOf } from '../../../protocol/wire/words';
import { failureOf } from './support/failure';
import { buildServer, smallPlan, startClient } from './support/server';

const rowOf = (result: BenchmarkResult, mechanism: string, length: number) => {
  const row = result.rows.find((each) => each.mechanism === mechanism && each.length === length);
  assert.ok(row, `${mechanism} at ${length} has no row`);
  return row;
};

/** Progress tells two stages a second at most, and a pattern of these takes longer than that on a machine ten times as fast. */
const slowLengths = [512, 1024, 2048, 4096];

describe('a benchmark', function () {
  this.timeout(120_000);
  let client: ComputeClient;
  const logs: string[] = [];
  before(async () => {
    await buildServer();
    client = startClient({ onLog: (_level, message) => logs.push(message) });
  });
  after(() => client.dispose());

  it('proves, times and compares each mechanism at each length', async () => {
    const progress: BenchmarkProgress[] = [];
    const plan = smallPlan({
      mechanisms: ['scaled-dot-product', 'sliding-window'],
      parameters: { 'sliding-window': { window: 16 } },
      shape: { lengths: [128, 32, 64] },
      measureMemory: true,
    });
    const result = await client.call('benchmark', [plan], { onProgress: (step) => progress.push(step) });
    assert.equal(result.state, 'done');
    assert.deepEqual(
      unclassified(result),
      [],
      'protocol/results/comparability.ts says of each field what a comparison makes of it',
    );
    assert.deepEqual(
      result.rows.map((row) => [row.length, row.mechanism]),
      [32, 64, 128].flatMap((length) => ['fused', 'scaled-dot-product', 'sliding-window'].map((id) => [length, id])),
    );
    for (const row of result.rows) {
      assert.ok(row.ok, row.reason);
      assert.ok(row.maxError! > 0 && row.maxError! <= row.tolerance!);
      assert.ok(row.samples! >= 3 && row.medianMs! > 0);
      const [low, high] = row.quartilesMs!;
      assert.ok(low <= row.medianMs! && row.medianMs! <= high);
      assert.ok(row.peakBytes! > 0);
      assert.equal(row.peakBy, process.platform === 'linux' ? 'VmHWM' : 'maxRSS');
      assert.equal(row.gflops, row.flops! / row.medianMs! / 1e6);
      assert.ok(row.gflops <= result.roof.peakGflops * 1.1);
      const { ratioToBaseline: ratio } = row;
      if (row.mechanism === 'fused') assert.equal(ratio, undefined);
      else assert.ok(ratio!.low <= ratio!.median && ratio!.median <= ratio!.high && ratio!.p >= 0 && ratio!.p <= 1);
    }
    assert.deepEqual(result.fits.map((fit) => fit.mechanism).sort(), ['fused', 'scaled-dot-product', 'sliding-window']);
    assert.deepEqual(result.crossover.map((crossover) => crossover.mechanism).sort(), [
      'scaled-dot-product',
      'sliding-window',
    ]);
    assert.equal(result.seed, 7);
    assert.equal(result.device.id, 'cpu');
    assert.match(result.device.runtime, /onnxruntime-node/);
    const final = progress.filter((step) => step.kind === 'row' && step.final);
    assert.equal(final.length, 9, 'every finished row is streamed once');
    const timed = progress.flatMap((step) => (step.kind === 'stage' && step.secondsLeft !== undefined ? [step] : []));
    assert.ok(
      timed.length > 0 && timed.every(({ done }) => done >= 6),
      'two measured lengths tell how long the third takes',
    );
  });

  it('runs further patterns as CAB asks: one result with the efficiency lengths of all, rows streamed of the first', async () => {
    const furtherPatterns = ['noncausal-self', 'noncausal-cross'] as const;
    const plan = {
      ...smallPlan({
        mechanisms: ['scaled-dot-product', 'sliding-window'],
        parameters: { 'sliding-window': { window: 16 } },
        shape: { lengths: slowLengths },
        secondsPerLength: 0.6,
      }),
      furtherPatterns,
    };
    const progress: BenchmarkProgress[] = [];
    const result = await client.call('benchmark', [plan], { onProgress: (step) => progress.push(step) });
    assert.equal(result.state, 'done');
    assert.deepEqual(result.plan.furtherPatterns, furtherPatterns);
    assert.deepEqual(
      result.furtherPatterns?.map(({ pattern, rows }) => [pattern, rows.length]),
      furtherPatterns.map((pattern) => [pattern, 12]),
    );
    const { efficiency } = result.cab!;
    assert.deepEqual(
      efficiency.map(({ mechanism, pattern, supported }) => [mechanism, pattern, supported === true]),
      ['scaled-dot-product', 'sliding-window'].flatMap((mechanism) =>
        ['causal-self', ...furtherPatterns].map((pattern) => [
          mechanism,
          pattern,
          mechanism !== 'sliding-window' || pattern !== 'noncausal-cross',
        ]),
      ),
    );
    assert.equal(progress.filter((step) => step.kind === 'row' && step.final).length, 12);
    const stages = progress.flatMap((step) => (step.kind === 'stage' ? [step] : []));
    assert.ok(stages.some(({ sentence }) => sentence.startsWith('Pattern 3 of 3. ')));
    const told = stages.map(({ done, total, sentence }) => `${done} of ${total}: ${sentence}`).join('; ');
    assert.ok(
      stages.every(({ done, total }, at) => total === 36 && done >= (stages[at - 1]?.done ?? 0)),
      told,
    );
  });

  it('keeps the patterns that were measured when it is cancelled in a later one', async () => {
    const abort = new AbortController();
    const plan = {
      ...smallPlan({ mechanisms: ['scaled-dot-product'], shape: { lengths: slowLengths }, secondsPerLength: 0.6 }),
      furtherPatterns: ['noncausal-self', 'noncausal-cross'] as const,
    };
    const result = await client.call('benchmark', [plan], {
      signal: abort.signal,
      onProgress: (step) => step.kind === 'stage' && step.sentence.startsWith('Pattern 2') && abort.abort(),
    });
    assert.equal(result.state, 'cancelled');
    assert.equal(result.rows.length, 8);
    assert.ok(result.cab!.efficiency.some(({ pattern, time }) => pattern === 'causal-self' && time));
    assert.ok(!result.furtherPatterns?.some(({ pattern }) => pattern === 'noncausal-cross'));
  });

  it('gives a wrong, an unrunnable and an impossible kernel their reason and no time', async () => {
    const plan = smallPlan({ mechanisms: ['wrong', 'unknown-operator', 'impossible'] });
    const result = await client.call('benchmark', [plan]);
    assert.deepEqual(
      result.rows.map((row) => [row.mechanism, row.ok, row.refusal]),
      [
        ['fused', true, undefined],
        ['wrong', false, 'wrong'],
        ['unknown-operator', false, 'runtime'],
        ['impossible', false, 'impossible'],
      ],
    );
    const wrong = rowOf(result, 'wrong', 64);
    assert.ok(Math.abs(wrong.maxError! - 0.01) < 1e-4);
    assert.match(wrong.reason!, /differs from the float64 reference by 0\.0100/);
    for (const row of result.rows.filter((each) => !each.ok)) assert.equal(row.medianMs, undefined);
    assert.match(rowOf(result, 'unknown-operator', 64).reason!, /NoSuchOperator/);
  });

  it('checks a long cell on sampled rows, or at a shorter length when the mechanism has no rows', async () => {
    const plan = smallPlan({
      mechanisms: ['scaled-dot-product', 'without-rows'],
      shape: { lengths: [4096], heads: 4, kvHeads: 4 },
      secondsPerLength: 0.1,
    });
    const result = await client.call('benchmark', [plan]);
    const sampled = rowOf(result, 'scaled-dot-product', 4096);
    assert.ok(sampled.ok && sampled.checkedRows! >= 16 && sampled.checkedRows! < 4096);
    const shorter = rowOf(result, 'without-rows', 4096);
    assert.ok(shorter.ok && shorter.checkedLength! < 4096 && shorter.checkedLength! >= 64);
    assert.equal(shorter.checkedRows, undefined);
  });

  it('times forward and backward passes whose gradients are right, and cold and warm caches', async () => {
    const mechanisms = ['scaled-dot-product', 'sliding-window', 'wrong-gradient', 'without-gradient'];
    const asked = { mechanisms, backward: true, caches: true, shape: { pattern: 'noncausal-self' as const } };
    const result = await client.call('benchmark', [smallPlan(asked)]);
    assert.deepEqual(unclassified(result), []);
    for (const row of result.rows) {
      assert.ok(row.ok, row.reason);
      assert.ok(row.caches!.coldMs > 0 && row.caches!.warmMs > 0 && row.caches!.samples >= 5);
    }
    for (const mechanism of ['fused', 'scaled-dot-product', 'sliding-window']) {
      const { medianMs } = rowOf(result, mechanism, 64);
      const { reason, ...both } = rowOf(result, mechanism, 64).backward!;
      assert.equal(reason, undefined);
      assert.ok(both.maxError! > 0 && both.maxError! <= both.tolerance!);
      assert.ok(both.medianMs! > 0 && medianMs! > 0 && both.samples! >= 3 && both.overForward! > 0);
      assert.equal(both.gflops, both.flops! / both.medianMs! / 1e6);
      assert.equal(both.ratioToBaseline === undefined, mechanism === 'fused');
    }
    // Forward: two products of 64 x 64 x 32 for each of two heads; back: two for each of them.
    assert.equal(rowOf(result, 'scaled-dot-product', 64).backward!.flops, 6 * 2 * 2 * 64 * 64 * 32);
    const wrong = rowOf(result, 'wrong-gradient', 64).backward!;
    assert.match(wrong.reason!, /^Its gradient of key differs from differences of the float64 reference/);
    assert.ok(wrong.maxError! > wrong.tolerance! && wrong.medianMs === undefined);
    const { reason } = rowOf(result, 'without-gradient', 64).backward!;
    assert.match(reason!, /^It has no gradient: The gradient through Celu .* is not computed: it has no rule\.$/);
  });

  it('refuses a cell that needs more memory than there is and names the longest length that fits', async () => {
    const limited = startClient({}, { HEADSCOPE_MEMORY_LIMIT: String(64e6) });
    try {
      const plan = smallPlan({ shape: { lengths: [64, 8192] } });
      const result = await limited.call('benchmark', [plan]);
      assert.ok(rowOf(result, 'scaled-dot-product', 64).ok);
      const refused = rowOf(result, 'scaled-dot-product', 8192);
      assert.equal(refused.refusal, 'memory');
      const [, needed, limit, fitting] =
        /needs ([\d.]+ [MG]B) and the limit is ([\d.]+ MB).*at most (\d+)/.exec(refused.reason!) ?? [];
      assert.ok(needed && limit === '64.0 MB', refused.reason);
      // The length it names is accepted, and twice as long is not.
      const retry = await limited.call('supports', [smallPlan({ shape: { lengths: [Number(fitting)] } })]);
      assert.equal(retry[0]!.ok, true);
      const longer = await limited.call('supports', [smallPlan({ shape: { lengths: [Number(fitting) * 2] } })]);
      assert.equal(longer[0]!.ok, false);
    } finally {
      limited.dispose();
    }
  });

  it('fails as a whole when nothing of the plan fits, with the figures', async () => {
    const plan = smallPlan({ mechanisms: ['greedy'], baseline: 'greedy', shape: { lengths: [256, 512] } });
    const failure = await failureOf(client.call('benchmark', [plan]));
    assert.ok(failure.code === 'out-of-memory', JSON.stringify(failure));
    assert.ok(failure.neededBytes > failure.limitBytes);
    assert.ok(failure.fittingLength! < 256);
  });

  it('names, when nothing fits, the mechanism that needs most and a length at which every one fits', async () => {
    const limited = startClient({}, { HEADSCOPE_MEMORY_LIMIT: String(20e6) });
    try {
      const asked = { mechanisms: ['scaled-dot-product', 'sliding-window'], baseline: 'fused' };
      const shape = { heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 };
      const of = (length: number) => smallPlan({ ...asked, shape: { ...shape, lengths: [length] } });
      const failure = await failureOf(limited.call('benchmark', [of(16_384)]));
      assert.ok(failure.code === 'out-of-memory', JSON.stringify(failure));
      assert.equal(failure.mechanism, 'scaled-dot-product');
      assert.match(sentenceOf(failure), /^This needs .* for scaled-dot-product and the limit is 20\.0 MB\. /);
      const fitting = await limited.call('supports', [of(failure.fittingLength!)]);
      assert.deepEqual(
        fitting.map(({ mechanism, ok }) => [mechanism, ok]),
        ['scaled-dot-product', 'sliding-window', 'fused'].map((id) => [id, true]),
      );
      const longer = await limited.call('supports', [of(failure.fittingLength! * 2)]);
      assert.ok(longer.some(({ ok }) => !ok));
    } finally {
      limited.dispose();
    }
  });

  it('keeps rows that were measured before and measures only the others', async () => {
    const first = await client.call('benchmark', [smallPlan()]);
    const halfway = first.rows.map((row) => (row.mechanism === 'fused' ? { ...row, notes: ['cancelled'] } : row));
    const progress: BenchmarkProgress[] = [];
    const again = await client.call('benchmark', [smallPlan({ done: halfway, shape: { lengths: [32, 64] } })], {
      onProgress: (step) => progress.push(step),
    });
    assert.deepEqual(rowOf(again, 'scaled-dot-product', 64), rowOf(first, 'scaled-dot-product', 64));
    assert.notDeepEqual(rowOf(again, 'fused', 64), rowOf(first, 'fused', 64));
    const measured = progress.flatMap((step) => (step.kind === 'row' && step.final ? [step.row] : []));
    assert.deepEqual(measured.map((row) => [row.length, row.mechanism]).sort(), [
      [32, 'fused'],
      [32, 'scaled-dot-product'],
      [64, 'fused'],
    ]);
  });

  it('measures again what an earlier limit refused', async () => {
    const limited = startClient({}, { HEADSCOPE_MEMORY_LIMIT: String(2e6) });
    try {
      const lengths = [64, 1024];
      const first = await limited.call('benchmark', [smallPlan({ shape: { lengths } })]);
      assert.equal(rowOf(first, 'scaled-dot-product', 1024).refusal, 'memory');
      const again = await client.call('benchmark', [smallPlan({ done: first.rows, shape: { lengths } })]);
      assert.deepEqual(
        again.rows.map((row) => [row.mechanism, row.length, row.ok]),
        lengths.flatMap((length) => ['fused', 'scaled-dot-product'].map((id) => [id, length, true])),
      );
      assert.deepEqual(rowOf(again, 'fused', 64), rowOf(first, 'fused', 64));
    } finally {
      limited.dispose();
    }
  });

  it('runs the same seeds to the same errors', async () => {
    const [first, second, other] = [
      await client.call('benchmark', [smallPlan()]),
      await client.call('benchmark', [smallPlan()]),
      await client.call('benchmark', [smallPlan({ seed: 8 })]),
    ];
    const errors = (result: BenchmarkResult) => result.rows.map((row) => row.maxError);
    assert.deepEqual(errors(first), errors(second));
    assert.notDeepEqual(errors(first), errors(other));
  });

  it('runs in float16 with its own tolerance', async () => {
    const result = await client.call('benchmark', [smallPlan({ precision: 'float16' })]);
    const row = rowOf(result, 'scaled-dot-product', 64);
    assert.ok(row.ok, row.reason);
    assert.ok(row.maxError! > 1e-5, 'float16 rounds coarser than float32');
  });

  it('decodes one token on a cache, or on the state of a mechanism’s own', async () => {
    const result = await client.call('benchmark', [
      smallPlan({
        mechanisms: ['scaled-dot-product', 'sliding-window', 'lightning-attention-2', 'gna', 'longheads'],
        // 97 tokens make no grid of 8 columns: the last cell of 12 rows is decoded. Twelve chunks are more than the budget.
        parameters: {
          gna: { width: 8, windowWidth: 4, windowHeight: 4 },
          longheads: { chunk: 8, budget: 32, begin: 0 },
        },
        measureMemory: true,
        shape: { mode: 'decode', lengths: [96] },
      }),
    ]);
    assert.equal(result.plan.shape.mode, 'decode');
    for (const row of result.rows) {
      assert.ok(row.ok, `${row.mechanism}: ${row.reason}`);
      assert.equal(row.length, 96);
      assert.ok(row.maxError! <= row.tolerance!, `${row.mechanism}: ${row.maxError} above ${row.tolerance}`);
      assert.ok(row.peakBytes! > 0);
    }
    // A state of [heads, d, d] costs the same at every length; attention reads 97 keys.
    const flops = (mechanism: string) => result.rows.find((row) => row.mechanism === mechanism)!.flops!;
    assert.ok(flops('lightning-attention-2') < flops('scaled-dot-product'));
  });

  it('decodes where the state needs a query at every position, in the middle of a segment', async () => {
    const result = await client.call('benchmark', [
      smallPlan({
        mechanisms: ['titans-mac', 'titans-mal', 'wrong-step'],
        parameters: { 'titans-mac': { segment: 32, chunk: 8 }, 'wrong-step': { segment: 32, chunk: 8 } },
        measureMemory: true,
        shape: { mode: 'decode', lengths: [96] },
      }),
    ]);
    const rows = ['titans-mac', 'titans-mal'].map((mechanism) => rowOf(result, mechanism, 96));
    for (const row of rows) {
      assert.ok(row.ok, `${row.mechanism}: ${row.reason}`);
      assert.ok(row.maxError! > 0 && row.maxError! <= row.tolerance!);
      assert.equal(row.checkedLength, undefined);
      assert.ok(row.medianMs! > 0 && row.peakBytes! > 0);
    }
    // By the cost of position 64 + 15 of its segment, not of the first, which reads itself and the persistent positions alone.
    const parameters = resolveTable(memoryAsContext.id, memoryAsContext.parameters, { segment: 32, chunk: 8 });
    assert.ok(parameters.ok);
    const shape = { ...shapeAt(result.plan, 96), keys: 80 };
    assert.equal(rows[0]!.flops, (memoryAsContext as Mechanism).decode!.cost(shape, parameters.values).flops);
    // The same step without its register of answers differs from the whole sequence.
    const wrong = rowOf(result, 'wrong-step', 96);
    assert.equal(wrong.ok, false);
    assert.match(wrong.reason!, /It is wrong here/);
  });

  it('refuses to decode what is not causal', async () => {
    const plan = smallPlan({ shape: { mode: 'decode', pattern: 'noncausal-self', lengths: [8] } });
    await assert.rejects(client.call('benchmark', [plan]), /decode takes the pattern causal-self/);
  });

  it('covers the cross patterns, whose keys stay while the queries grow', async () => {
    for (const pattern of ['noncausal-self', 'noncausal-cross', 'causal-cross'] as const) {
      const plan = smallPlan({
        shape: { pattern, lengths: [16, 48], ...(pattern.endsWith('cross') ? { keys: 40 } : {}) },
      });
      const result = await client.call('benchmark', [plan]);
      for (const row of result.rows) assert.ok(row.ok, `${pattern} ${row.mechanism}: ${row.reason}`);
    }
  });

  it('says how busy the machine was; it waits for other work of the process, or runs beside it and says so', async () => {
    const module: ModuleSetup = {
      module: 'shsa',
      parameters: {},
      input: { kind: 'sample', sample: 'normal' },
      device: 'cpu',
      threads: 1,
      precision: 'float32',
      seed: 1,
      seconds: 600,
    };
    const stopModule = new AbortController();
    let timing = (): void => undefined;
    const begun = new Promise<void>((resolve) => (timing = resolve));
    const running = client.call('module', [module], { signal: stopModule.signal, onProgress: () => timing() });
    await begun;

    const beside = await client.call('benchmark', [{ ...smallPlan(), beside: true }]);
    const { machine } = beside;
    assert.ok(machine?.load.during);
    assert.deepEqual(machine.beside, ['running a module']);
    assert.equal(machine.processors, cpus().length);
    for (const { others, seconds } of Object.values(machine.load) as readonly MachineLoad[])
      assert.ok(others >= 0 && others <= 1 && seconds > 0, JSON.stringify(machine.load));
    assert.equal('beside' in beside.plan, false);
    for (const row of beside.rows) assert.ok(!row.notes?.includes('busy') || machine.busy, 'one length, one interval');

    const said: string[] = [];
    const waited = client.call('benchmark', [smallPlan()], {
      onProgress(step) {
        if (step.kind !== 'stage') return;
        said.push(step.sentence);
        stopModule.abort();
      },
    });
    assert.equal((await waited).machine?.beside, undefined);
    assert.equal(said[0], 'Waiting until Headscope is done running a module');
    await running.catch(() => undefined);
  });
});
