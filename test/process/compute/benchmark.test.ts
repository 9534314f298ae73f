import assert from 'node:assert/strict';
import type { BenchmarkProgress } from '../../../protocol/compute/api';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { BenchmarkResult } from '../../../protocol/results/benchmark';
import { failureOf } from './support/failure';
import { buildServer, smallPlan, startClient } from './support/server';

const rowOf = (result: BenchmarkResult, mechanism: string, length: number) => {
  const row = result.rows.find((each) => each.mechanism === mechanism && each.length === length);
  assert.ok(row, `${mechanism} at ${length} has no row`);
  return row;
};

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
  });

  it('runs further patterns as CAB asks: one result with the efficiency lengths of all, rows streamed of the first', async () => {
    const furtherPatterns = ['noncausal-self', 'noncausal-cross'] as const;
    const plan = {
      ...smallPlan({
        mechanisms: ['scaled-dot-product', 'sliding-window'],
        parameters: { 'sliding-window': { window: 16 } },
        shape: { lengths: [32, 64, 96, 128] },
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
    assert.ok(stages.every(({ done, total }, at) => total === 36 && done >= (stages[at - 1]?.done ?? 0)));
  });

  it('keeps the patterns that were measured when it is cancelled in a later one', async () => {
    const abort = new AbortController();
    const plan = {
      ...smallPlan({ mechanisms: ['scaled-dot-product'], shape: { lengths: [32, 64, 96, 128] } }),
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
        mechanisms: ['scaled-dot-product', 'sliding-window', 'lightning-attention-2'],
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
});
