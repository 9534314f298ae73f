/**
 * One run of a model in a process of its own, for peak memory: `node --import tsx model-run-process.ts JOB`. Prints
 * {seconds, baseBytes, peakBytes}: resident memory before the run (runtime loaded) and its high-water mark (Linux VmHWM, else
 * getrusage).
 */
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { statisticsOfMap } from '../../support/map-statistics';
import { processMemory } from './process-memory';

export interface RunJob {
  readonly folder: string;
  readonly length: number;
  readonly chunk: number;
  readonly kind: 'plain' | 'statistics' | 'whole-maps' | 'load';
  readonly threads: number;
}

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? '{}') as RunJob;
  const model = await openModel(job.folder, { device: 'cpu', threads: job.threads, limitBytes: 4e9 });
  const ids = Array.from({ length: job.length }, (_, i) => (i * 7919) % model.summary.vocabulary);
  // Opens every session, so that the growth is the run's.
  if (job.kind !== 'load') {
    await runPrompt(model.spec, model.sessions, {
      ids: ids.slice(0, 8),
      chunk: 8,
      logits: 'last',
      statistics: job.kind === 'statistics',
    });
  }
  const base = processMemory('VmHWM');
  const started = performance.now();
  const { layers } = await runPrompt(model.spec, model.sessions, {
    ids,
    chunk: job.chunk,
    logits: 'last',
    ...(job.kind === 'statistics' ? { statistics: true } : {}),
    ...(job.kind === 'whole-maps'
      ? { taps: model.spec.blocks.map((_, layer) => ({ layer, tap: 'attention.probabilities' as const })) }
      : {}),
  });
  if (job.kind === 'whole-maps') {
    for (const { taps } of layers) {
      const maps = taps['attention.probabilities']?.data;
      if (!(maps instanceof Float32Array)) throw new TypeError('a layer gave no maps');
      const each = job.length ** 2;
      for (let head = 0; head * each < maps.length; head++) {
        statisticsOfMap(maps.subarray(head * each, (head + 1) * each), ids);
      }
    }
  }
  process.stdout.write(
    JSON.stringify({
      seconds: (performance.now() - started) / 1000,
      baseBytes: base,
      peakBytes: processMemory('VmHWM'),
    }),
  );
  await model.sessions.release();
}

void main();
