/**
 * Decoding under plans of growing parts of the cache, each key/value head in a cache of its own; against the same with all heads
 * full. Random weights, and caches filled with random numbers: what is read, not what it says, takes the time.
 */
import { planChanges } from '../../diagnostics/model-runner/plan-changes';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ratioOfPairs } from '../../compute-server/harness/statistics/ratio';
import { summary } from '../../compute-server/harness/statistics/summary';
import { interleave, pairs, type Series } from '../../compute-server/harness/timing';
import { openModel, type LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import { emptyCache } from '../../compute-server/model/run/cache/key-value-cache';
import { random } from '../../kernels/tensors/random';
import { heldOf } from '../../protocol/plans/held';
import type { HeadPlan } from '../../protocol/plans/head-plan';
import { planBytes } from '../../protocol/plans/plan-bytes';
import type { Bench, Report } from './support/bench';
import { writeSyntheticModel, type SyntheticModel } from './support/synthetic-model';

const threads = 2;

/** The shape of SmolLM-135M: 30 layers of 9 heads of 64, three of which share keys and values. */
const smol: SyntheticModel = {
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  inner: 1536,
  vocabulary: 49152,
  contextLength: 65536,
};

const full: HeadPlan = { kind: 'full' };
const streaming: HeadPlan = { kind: 'recent', sinks: 4, recent: 256 };
const mean: HeadPlan = { ...streaming, mean: true };

/** By key/value head, in every layer. */
const plans: Readonly<Record<string, readonly HeadPlan[]>> = {
  'all full': [full, full, full],
  '2/3 full': [full, full, streaming],
  '1/3 full': [full, streaming, streaming],
  '1/3 full, the others with means': [full, mean, mean],
  'all streaming': [streaming, streaming, streaming],
};

/** How many times as fast the plan with a third of full heads must be, by keys, on one layer and on all 30. */
const targets: Readonly<Record<number, number>> = { 8192: 1.5, 16384: 1.9, 32768: 2 };

/** One timed plan at one length. */
interface Point {
  readonly bytes: number;
  readonly ms: number;
}

const bench: Bench = {
  name: 'plans',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-bench-plans-'));
    try {
      for (const [what, shape] of [
        [`a layer of SmolLM-135M's shape`, { ...smol, layers: 1, vocabulary: 100 }],
        [`SmolLM-135M's shape, 30 layers`, smol],
      ] as const) {
        const folder = join(root, `${shape.layers}`);
        writeSyntheticModel(folder, shape);
        const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 8e9 });
        const points: Point[] = [];
        for (const keys of [8192, 16384, 32768]) points.push(...(await timed(report, model, keys, what)));
        fit(report, points, what);
        await model.sessions.release();
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};
export default bench;

async function timed(report: Report, model: LoadedModel, keys: number, what: string): Promise<readonly Point[]> {
  const runs = Object.entries(plans).map(([name, heads]) => ({ name, heads, run: filled(model, heads, keys) }));
  const source = random(1);
  const competitors = runs.map(({ name, run }) => ({ name, run: () => run.extend([1]) }));
  let series: readonly Series[] = [];
  for await (const after of interleave(competitors, {
    baseline: 'all full',
    seconds: 12,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    series = after;
  }
  const [baseline] = series;
  if (!baseline) throw new Error('nothing was timed');
  return runs.map(({ name, heads, run }, at) => {
    const own = series[at] ?? baseline;
    const times = [...own.times.values()];
    const { bytes, bytesFull } = run.cacheBytes();
    const layers = model.spec.blocks.map(() => heads);
    const expected = planBytes(layers, smol.headDim, run.length, { prompt: keys });
    if (bytes !== expected.plan) throw new Error(`${name}: ${bytes} bytes, not ${expected.plan}`);
    const place = `${name}, ${what}, ${keys} keys`;
    report.figure({
      name: `a token, ${place}`,
      value: summary(times).median,
      unit: 'ms',
      note: `fastest ${fastestOf(own).toFixed(2)}, ${times.length} tokens, ${threads} threads; cache ${megabytes(bytes)} of ${megabytes(bytesFull)} MB`,
    });
    if (at > 0) {
      const { median, low, high } = ratioOfPairs(...pairs(baseline, own));
      report.figure({
        name: `speed against all full, ${place}`,
        value: median,
        unit: 'times',
        note: `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}; fastest against fastest ${(fastestOf(baseline) / fastestOf(own)).toFixed(2)}`,
        ...(name === '1/3 full' ? { target: targets[keys] ?? NaN, comparison: 'atLeast' as const } : {}),
      });
    }
    return { bytes, ms: summary(times).median };
  });
}

/** A text of so many tokens whose keys and values are random numbers. */
function filled({ spec, sessions }: LoadedModel, heads: readonly HeadPlan[], keys: number): SequenceRun {
  const held = heads.map((head) => heldOf(head, keys));
  const plan = planChanges({ prompt: keys, from: 0, heads: spec.blocks.map(() => held) });
  const cache = emptyCache(spec, 1, keys);
  const source = random(2);
  const width = (smol.kvHeads ?? smol.heads) * smol.headDim;
  const numbers = Float32Array.from({ length: keys * width }, () => source.uniform() - 0.5);
  for (const block of spec.blocks) {
    cache.append(block.index, numbers, numbers);
    cache.keep(block, plan);
    cache.heads(block.index);
  }
  const ids = Array.from({ length: keys }, () => 1);
  return SequenceRun.over(spec, sessions, { ids, chunk: 256, variant: plan, stepsAtOnce: true }, cache);
}

/** Milliseconds of a token = those of the weights + a share for each megabyte of cache, by least squares of relative errors. */
function fit(report: Report, points: readonly Point[], what: string): void {
  let [n, x, xx, y, xy] = [0, 0, 0, 0, 0];
  for (const { bytes, ms } of points) {
    const [weight, megabyte] = [ms ** -2, bytes / 1e6];
    n += weight;
    x += weight * megabyte;
    xx += weight * megabyte ** 2;
    y += weight * ms;
    xy += weight * megabyte * ms;
  }
  const slope = (n * xy - x * y) / (n * xx - x * x);
  const start = (y - slope * x) / n;
  const off = points.map(({ bytes, ms }) => Math.abs(start + (slope * bytes) / 1e6 - ms) / ms);
  report.figure({
    name: `milliseconds of a megabyte of cache, ${what}`,
    value: slope,
    unit: 'ms',
    note: `${points.length} plans and lengths: a token takes ${start.toFixed(2)} ms and this for each megabyte, ${(1 / slope).toFixed(1)} GB/s; off by ${(100 * Math.max(...off)).toFixed(0)} % at most`,
  });
}

const fastestOf = ({ times }: Series): number => Math.min(...times.values());

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
