/** Memory of running models: how it grows with the prompt, what loading takes. Each run has a process of its own. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bench, Report } from './support/bench';
import type { RunJob } from './support/model-run-process';
import { fourLayers, writeSyntheticModel } from './support/synthetic-model';

const threads = 2;
const chunk = 256;

const bench: Bench = {
  name: 'model-memory',
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-models-'));
    try {
      writeSyntheticModel(join(folder, 'four'), fourLayers);
      await memoryOverLength(report, join(folder, 'four'));
      await loading(report, join(folder, 'large'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

async function memoryOverLength(report: Report, folder: string): Promise<void> {
  const growth = new Map<number, number>();
  const took = new Map<number, number>();
  for (const length of [4096, 8192, 16384]) {
    const run = await inProcess({ folder, length, chunk, kind: 'statistics', threads });
    growth.set(length, run.peakBytes - run.baseBytes);
    took.set(length, run.seconds);
    report.figure({
      name: `peak memory of head statistics above the opened model, ${length} tokens`,
      value: (run.peakBytes - run.baseBytes) / 1e6,
      unit: 'MB',
      note: `${run.seconds.toFixed(1)} s, fresh process`,
    });
  }
  report.figure({
    name: 'growth of peak memory, 16,384 tokens against 4,096',
    value: (growth.get(16384) ?? Number.NaN) / (growth.get(4096) ?? Number.NaN),
    unit: 'times',
    target: 4.5,
    comparison: 'atMost',
  });
  const naive = await inProcess({ folder, length: 4096, chunk: 4096, kind: 'whole-maps', threads });
  const ratio = (value: number, of: ReadonlyMap<number, number>): number => value / (of.get(4096) ?? Number.NaN);
  report.figure({
    name: 'the same statistics computed from whole probability maps, 4,096 tokens, peak memory above the opened model',
    value: (naive.peakBytes - naive.baseBytes) / 1e6,
    unit: 'MB',
    note: `${ratio(naive.peakBytes - naive.baseBytes, growth).toFixed(0)} times; at 16,384 tokens the maps alone would take 34 GB`,
  });
  report.figure({
    name: 'the same statistics computed from whole probability maps, 4,096 tokens, time',
    value: ratio(naive.seconds, took),
    unit: 'times',
    note: `${naive.seconds.toFixed(1)} s, of ${(took.get(4096) ?? Number.NaN).toFixed(1)} s inside the graph`,
  });
}

async function loading(report: Report, folder: string): Promise<void> {
  const { bytes } = writeSyntheticModel(folder, { ...fourLayers, layers: 30, inner: 2048, vocabulary: 2000 });
  const before = readdirSync(folder).length;
  const run = await inProcess({ folder, length: 16, chunk: 16, kind: 'load', threads });
  report.figure({
    name: `peak memory of loading and running a ${(bytes / 1e6).toFixed(0)} MB checkpoint, above its weights`,
    value: (run.peakBytes - bytes) / 1e6,
    unit: 'MB',
    target: 300,
    comparison: 'atMost',
    note: `whole process, runtime included; files written: ${readdirSync(folder).length - before}`,
  });
}

interface Outcome {
  readonly seconds: number;
  readonly baseBytes: number;
  readonly peakBytes: number;
}

async function inProcess(job: RunJob): Promise<Outcome> {
  const script = join(__dirname, 'support', 'model-run-process.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, JSON.stringify(job)], {
    maxBuffer: 1e7,
  });
  return JSON.parse(stdout) as Outcome;
}
