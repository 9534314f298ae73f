/** Opening models of a size that people use: seconds for each GB of weights, and resident memory against the file. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serverEnvironment } from '../../protocol/compute/child-environment';
import type { Bench, Report } from './support/bench';
import type { Opened, OpenJob } from './support/open-process';
import { writeFourBitFolder } from './support/four-bit-folder';
import { writeSyntheticGguf } from './support/synthetic-gguf';
import { realSize, tinyLlama, writeSyntheticModel } from './support/synthetic-model';

const threads = 2;
const rounds = 3;
const length = 512;

const bench: Bench = {
  name: 'real-size',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-bench-real-size-'));
    try {
      for (const [dtype, times, seconds] of [
        ['F32', 1.15, 1.2],
        ['BF16', 2.4, 2.5],
      ] as const) {
        const folder = join(root, dtype);
        const { bytes } = writeSyntheticModel(folder, { ...realSize, dtype });
        await opening(report, { folder, threads, limitBytes: 8e9, length }, bytes, dtype, { times, seconds });
        if (dtype === 'F32') continue;
        for (const [weights, most] of [
          ['q8', 1.3],
          ['q4', undefined],
        ] as const) {
          const packed = { folder, threads, limitBytes: 8e9, length, weights };
          await opening(report, packed, bytes, `${dtype} in ${weights}`, { times: most, seconds: 6 });
          const cacheFolder = join(root, `cache ${weights}`);
          await inProcess({ ...packed, cacheFolder });
          await opening(report, { ...packed, cacheFolder }, bytes, `${dtype} in ${weights}, kept on the disk`, {});
        }
        // Half of the widened weights: the other layers are opened from the file again for each token.
        const job = { folder, threads, limitBytes: bytes, length: 64 };
        await opening(report, job, bytes, `${dtype}, limited to the size of the file`, {});
      }
      await quantised(report, root);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};
export default bench;

/** Files of 1.1 billion parameters. Targets are of memory above the process before opening. */
async function quantised(report: Report, root: string): Promise<void> {
  const ggufs = { Q8_0: 1.2, Q6_K: 1.7, Q4_K: 1.45 } as const;
  for (const [format, above] of Object.entries(ggufs)) {
    const file = join(root, 'model.gguf');
    const bytes = writeSyntheticGguf(file, tinyLlama, format as keyof typeof ggufs);
    await inBothWays(report, file, bytes, format, above);
  }
  for (const method of ['awq', 'gptq'] as const) {
    const folder = join(root, method);
    await inBothWays(report, folder, writeFourBitFolder(folder, tinyLlama, method), method.toUpperCase(), 1.2);
  }
}

async function inBothWays(report: Report, folder: string, bytes: number, name: string, above: number): Promise<void> {
  for (const weights of ['as-stored', 'int8-activations'] as const) {
    const job = { folder, threads, limitBytes: 8e9, length, weights };
    await opening(report, job, bytes, `${name}, ${weights}`, { above, seconds: 2.5 });
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function opening(
  report: Report,
  job: OpenJob,
  fileBytes: number,
  what: string,
  target: Readonly<Partial<Record<'times' | 'above' | 'seconds', number | undefined>>>,
): Promise<void> {
  // Read once, so that the file is warm.
  readFileSync(job.folder.endsWith('.gguf') ? job.folder : join(job.folder, 'model.safetensors'));
  const all: Opened[] = [];
  for (let i = 0; i < rounds; i++) all.push(await inProcess(job));
  const of = (value: (opened: Opened) => number): number => median(all.map(value));
  const size = `${(fileBytes / 1e9).toFixed(2)} GB of ${what}`;
  const atMost = (value: number | undefined) =>
    value === undefined ? {} : ({ target: value, comparison: 'atMost' } as const);
  report.figure({
    name: `opening ${size}, with parity, to the logits of 8 tokens`,
    value: of(({ openSeconds }) => openSeconds) / (fileBytes / 1e9),
    unit: 's/GB',
    note: `median of ${rounds}, warm file, ${threads} threads`,
    ...atMost(target.seconds),
  });
  report.figure({
    name: `the same in seconds of the processors, ${size}`,
    value: of(({ openProcessorSeconds }) => openProcessorSeconds) / (fileBytes / 1e9),
    unit: 's/GB',
  });
  report.figure({
    name: `resident memory of the whole process then, against the file, ${size}`,
    value: of(({ residentBytes }) => residentBytes) / fileBytes,
    unit: 'times',
    ...atMost(target.times),
  });
  report.figure({
    name: `the same above the process before opening, ${size}`,
    value: of(({ residentBytes, baseBytes }) => residentBytes - baseBytes) / fileBytes,
    unit: 'times',
    ...atMost(target.above),
  });
  report.figure({
    name: `peak memory of the whole process until then, against the file, ${size}`,
    value: of(({ peakBytes }) => peakBytes) / fileBytes,
    unit: 'times',
  });
  report.figure({
    name: `the parity of the other layers, after the run, ${size}`,
    value: of(({ paritySeconds }) => paritySeconds) / (fileBytes / 1e9),
    unit: 's/GB',
  });
  report.figure({
    name: `prefill of ${job.length - 1} tokens, ${size}`,
    value: of(({ prefillSeconds }) => prefillSeconds),
    unit: 's',
  });
  report.figure({
    name: `one more token, ${size}`,
    value: of(({ tokenSeconds }) => tokenSeconds) * 1000,
    unit: 'ms',
  });
}

async function inProcess(job: OpenJob): Promise<Opened> {
  const script = join(__dirname, 'support', 'open-process.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, JSON.stringify(job)], {
    env: { ...process.env, ...serverEnvironment },
  });
  return JSON.parse(stdout) as Opened;
}
