/**
 * A model in the shape of Llama 3.2 3B in bfloat16 (6.4 GB on disk, 12.8 GB as float32) inside 16 GB of memory: opened, a prompt of
 * 512 tokens with the statistics of all heads, 32 tokens behind it. Writes 6.4 GB to the temporary folder and takes them away.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { WeightChoice } from '../../protocol/inputs/weights';
import type { Bench, Report } from './support/bench';
import type { LongRun, LongRunJob } from './support/long-run-process';
import { threeBillion, writeSyntheticModel } from './support/synthetic-model';

/** The memory limit that Headscope takes by default on a machine with 16 GB: 0.7 of it, half of that for weights. */
const limitBytes = 0.5 * 0.7 * 16e9;

const bench: Bench = {
  name: 'three-billion',
  onRequest: true,
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-three-billion-'));
    try {
      writeSyntheticModel(folder, threeBillion);
      const job = { folder, threads: 2, length: 512, tokens: 32 };
      await measure(report, { ...job, weights: 'q8', limitBytes }, '8-bit weights');
      await measure(report, { ...job, weights: 'as-stored', limitBytes: 13.5e9 }, 'widened, all layers open');
      // Each token reads what the limit keeps out: few of them say how long one takes.
      const few = { ...job, tokens: 4 };
      await measure(report, { ...few, weights: 'as-stored', limitBytes }, 'widened, some layers open');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

async function measure(report: Report, job: LongRunJob & { weights: WeightChoice }, what: string): Promise<void> {
  const script = join(__dirname, 'support', 'long-run-process.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, JSON.stringify(job)]);
  const { openSeconds, statisticsSeconds, prefillSeconds, tokenSeconds, peakBytes } = JSON.parse(stdout) as LongRun;
  const at = `${what}, ${(job.limitBytes / 1e9).toFixed(1)} GB of weights at most`;
  const peak = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB at most until then`;
  const seconds = (name: string, value: number, bytes: number): void =>
    report.figure({ name: `${name}, ${at}`, value, unit: 's', note: peak(bytes) });
  seconds('opening with parity to the logits of 8 tokens', openSeconds, peakBytes.open);
  seconds(`${job.length} tokens with the statistics of all heads`, statisticsSeconds, peakBytes.statistics);
  seconds(`prefill of ${job.length} tokens`, prefillSeconds, peakBytes.prefill);
  const sorted = [...tokenSeconds].sort((a, b) => a - b);
  report.figure({
    name: `a token, the median of ${sorted.length}, ${at}`,
    value: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    unit: 's',
    note: `${tokenSeconds.reduce((sum, each) => sum + each, 0).toFixed(0)} s in all, the slowest ${sorted.at(-1)?.toFixed(1)}`,
  });
  report.figure({
    name: `peak resident memory, ${at}`,
    value: peakBytes.tokens / 1e9,
    unit: 'GB',
    target: 16,
  });
}
