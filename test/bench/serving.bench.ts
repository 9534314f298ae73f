/**
 * Times of a prompt and of a token as `headscope inspect --serve --measure` predicts them, over the fastest that was measured:
 * the demo model, and two sizes with random weights. Rates come from graphs of random numbers, never from the model.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { plainRequest } from '../../compute-server/cli/serving';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { measureServing } from '../../compute-server/model-calls/measure-serving';
import { measuredDevice } from '../../models/formats/estimates/serving/devices';
import { servingCost } from '../../models/formats/estimates/serving/serving';
import { surroundingsOf } from '../support/model-jobs';
import type { Bench, Report } from './support/bench';
import { realSize, writeSyntheticModel, type SyntheticModel } from './support/synthetic-model';

const demoLm = resolve(__dirname, '../../examples/models/demo-lm');
const threads = 2;
const tokens = 48;
const { signal } = new AbortController();

const fourLayersOfSmolLm: SyntheticModel = {
  layers: 4,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  inner: 1536,
  vocabulary: 1000,
  contextLength: 4096,
};

async function compared(report: Report, folder: string, what: string, prompt: number): Promise<void> {
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 8e9 });
  const measurement = await measureServing(
    model,
    { folder, prompt, tokens },
    surroundingsOf({ memoryLimit: 8e9, defaultThreads: threads }),
    signal,
  );
  await model.sessions.release();
  const { rates } = measurement;
  const device = { ...measuredDevice('this machine', { peakGflops: 1, peakBandwidthGBs: 1 }), rates };
  const outcome = servingCost(model.description, plainRequest(device, measurement));
  if (!outcome.ok) throw new Error(outcome.why);
  for (const phase of ['prefill', 'decode'] as const) {
    const { median, fastest, runs } = measurement[phase];
    const { seconds } = outcome.cost[phase];
    const ratio = seconds / fastest;
    const name = phase === 'prefill' ? `a prompt of ${prompt} tokens` : `a token behind ${prompt}`;
    const words = (value: number): string => `${(value * 1e3).toPrecision(3)} ms`;
    const note = `predicted ${words(seconds)}, fastest ${words(fastest)}, median ${words(median)} of ${runs}; products ${(rates.products / 1e9).toFixed(0)} GFLOP/s, weights ${(rates.weightBytes / 1e9).toFixed(1)} GB/s`;
    const figure = { value: ratio, unit: 'times', note } as const;
    report.figure({ ...figure, name: `${name}, ${what}: predicted over measured`, target: 1.3 });
    report.figure({ ...figure, name: `the same, at least: ${name}, ${what}`, target: 0.7, comparison: 'atLeast' });
  }
}

const bench: Bench = {
  name: 'serving',
  async run(report) {
    await compared(report, demoLm, 'demo-lm', 512);
    for (const [shape, what, prompts] of [
      [fourLayersOfSmolLm, "4 layers of SmolLM-135M's shape", [128, 512, 1024]],
      [realSize, '322 million parameters in 24 layers', [256]],
    ] as const) {
      const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-serving-'));
      try {
        writeSyntheticModel(folder, shape);
        for (const prompt of prompts) await compared(report, folder, what, prompt);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
  },
};
export default bench;
