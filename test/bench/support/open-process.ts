/**
 * Opening a model in a process of its own, as a run of heads does: the beginning of parity, the prompt, the rest of parity. `node --import tsx
 * open-process.ts JOB` prints an Opened.
 */
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { beginParity } from '../../../compute-server/model/checkpoint/parity';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import { runtimeVersion } from '../../../compute-server/runtime/session';
import { processMemory } from './process-memory';

export interface OpenJob {
  readonly folder: string;
  readonly threads: number;
  readonly limitBytes: number;
  readonly weights?: WeightChoice;
  /** Packed weights are kept there. */
  readonly cacheFolder?: string;
  /** Tokens of the second prompt, which is run on opened sessions. */
  readonly length: number;
}

export interface Opened {
  /** From the first read to the logits of a prompt of 8 tokens, with the parity that a run waits for. */
  readonly openSeconds: number;
  /** Processor seconds of the same work: other programs of the machine lengthen it little. */
  readonly openProcessorSeconds: number;
  /** Seconds of the parity that follows the run. */
  readonly paritySeconds: number;
  /** Seconds of a prompt of `length` tokens on what is open by then. */
  readonly prefillSeconds: number;
  /** Seconds of one token behind that prompt, the median of 15. */
  readonly tokenSeconds: number;
  /** Resident memory of the process with the runtime loaded, before the model is opened. */
  readonly baseBytes: number;
  /** The high-water mark when the first logits are there, and what is resident then. */
  readonly peakBytes: number;
  readonly residentBytes: number;
}

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? '{}') as OpenJob;
  await runtimeVersion();
  const baseBytes = processMemory('VmRSS');
  const idsOf = (length: number, vocabulary: number): number[] =>
    Array.from({ length }, (_, i) => (i * 7919) % vocabulary);
  const [started, processorBefore] = [performance.now(), processorSeconds()];
  const { folder, threads, limitBytes, weights = 'as-stored', cacheFolder } = job;
  const kept = cacheFolder === undefined ? undefined : { cacheFolder, limitBytes: 100e9 };
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes, weights, cache: kept });
  const first = idsOf(8, model.summary.vocabulary);
  const parity = await beginParity(model, { ids: first });
  const run = (ids: readonly number[], more = {}) =>
    runPrompt(model.spec, model.sessions, { ids, chunk: 256, logits: 'last', ...more });
  await run(first);
  const openSeconds = (performance.now() - started) / 1000;
  const openProcessorSeconds = processorSeconds() - processorBefore;
  const [peakBytes, residentBytes] = [processMemory('VmHWM'), processMemory('VmRSS')];
  const rest = performance.now();
  await parity.finish();
  const paritySeconds = (performance.now() - rest) / 1000;
  const ids = idsOf(job.length, model.summary.vocabulary);
  const prefill = performance.now();
  const { cache } = await run(ids.slice(0, -1), { keepCache: true });
  const prefillSeconds = (performance.now() - prefill) / 1000;
  if (!cache) throw new TypeError('the run kept no cache');
  const tokens: number[] = [];
  for (let i = 0; i < 15; i++) {
    const token = performance.now();
    await run(ids, { past: { cache, length: ids.length - 1 } });
    tokens.push((performance.now() - token) / 1000);
  }
  const tokenSeconds = tokens.sort((a, b) => a - b)[7] ?? Number.NaN;
  const opened: Opened = {
    openSeconds,
    openProcessorSeconds,
    paritySeconds,
    prefillSeconds,
    tokenSeconds,
    baseBytes,
    peakBytes,
    residentBytes,
  };
  process.stdout.write(JSON.stringify(opened));
  await model.sessions.release();
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

void main();
