/** Running models: what instruments and statistics cost beside the plain run. Their memory is measured by model-memory. */
import type { Variant } from '../../models/instrument/changes/changes';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../compute-server/model/run/stream/run-request';
import type { Bench, Report } from './support/bench';
import { fourLayers, writeSyntheticModel } from './support/synthetic-model';

const threads = 2;
const chunk = 256;

const bench: Bench = {
  name: 'models',
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-models-'));
    try {
      writeSyntheticModel(join(folder, 'four'), fourLayers);
      await statisticsAgainstPlain(report, join(folder, 'four'));
      await sweepOnKeptPrefix(report, join(folder, 'four'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Rounds of two runs of each kind, the second timed, one after the other, so that a slow moment of the machine hits all. */
async function statisticsAgainstPlain(report: Report, folder: string): Promise<void> {
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
  for (const length of [512, 2048]) {
    const ids = Array.from({ length }, (_, i) => (i * 7919) % fourLayers.vocabulary);
    const time = async (options: Partial<RunRequest>): Promise<number> => {
      const started = performance.now();
      await runPrompt(model.spec, model.sessions, { ids, chunk, logits: 'last', ...options });
      return performance.now() - started;
    };
    // What Look asks for; it measures groups of keys only where a prompt has some.
    const asked = { statistics: true, thumbnails: true, topKeys: 'last' } as const;
    const group = { name: 'a quarter', positions: ids.slice(0, length / 4).map((_, position) => position) };
    const kinds: readonly Partial<RunRequest>[] = [
      { plain: true },
      {},
      asked,
      { ...asked, groups: [group] },
      { ...asked, topKeys: 'all' },
      { statistics: true },
      { statistics: true, thumbnails: true },
    ];
    const rounds: (readonly number[])[] = [];
    for (let i = 0; i <= 15; i++) {
      const round: number[] = [];
      for (const kind of kinds) {
        // Its own sessions and buffers in the processor's caches, not those of the kind before.
        await time(kind);
        round.push(await time(kind));
      }
      // The first round opens the sessions.
      if (i > 0) rounds.push(round);
    }
    const times = (kind: number): number => median(rounds.map((round) => (round[kind] ?? NaN) / (round[0] ?? NaN)));
    const shape = `4 layers x 8 heads of 64, ${length} tokens`;
    report.figure({
      name: `head statistics of all heads against the plain forward pass, ${shape}`,
      value: times(5),
      unit: 'times',
      target: 1.3,
      comparison: 'atMost',
    });
    report.figure({ name: `the same with thumbnails of all heads, ${shape}`, value: times(6), unit: 'times' });
    report.figure({
      name: `the same with the top keys of the last query, as Look asks, ${shape}`,
      value: times(2),
      unit: 'times',
      target: 1.3,
      comparison: 'atMost',
      note: `median of ${rounds.length} rounds; plain ${median(rounds.map(([plain]) => plain ?? NaN)).toFixed(0)} ms, ${threads} threads`,
    });
    report.figure({ name: `the same with the mass on a group of keys, ${shape}`, value: times(3), unit: 'times' });
    report.figure({ name: `the same with the top keys of all queries, ${shape}`, value: times(4), unit: 'times' });
    report.figure({ name: `instrumented without statistics against plain, ${shape}`, value: times(1), unit: 'times' });
  }
  await model.sessions.release();
}

/**
 * Every head of the model replaced at the last position, one at a time: by whole runs, and by rows behind a prefix whose keys
 * and values were kept (the prefix's run counted in, and that of the other prompt whose outputs are put in).
 */
async function sweepOnKeptPrefix(report: Report, folder: string): Promise<void> {
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
  const length = 512;
  const ids = Array.from({ length }, (_, i) => (i * 7919) % fourLayers.vocabulary);
  const taps = model.spec.blocks.map(({ index }) => ({ layer: index, tap: 'attention.head_output' as const }));
  const run = (request: Partial<RunRequest>) =>
    runPrompt(model.spec, model.sessions, { ids, chunk, logits: 'last', ...request });
  const variantsOf = async (): Promise<Variant[]> => {
    const source = await run({ ids: [...ids.slice(0, -1), 1], taps });
    return model.spec.blocks.flatMap(({ index, ...block }) => {
      const { heads, headDim } = block.attention!;
      const data = source.layers[index]?.taps['attention.head_output']?.data;
      if (!(data instanceof Float32Array)) throw new TypeError('the layer gave no head outputs');
      const size = length * headDim;
      return Array.from({ length: heads }, (_, head) => [
        {
          kind: 'replacement' as const,
          layer: index,
          target: 'head' as const,
          head,
          positions: [length - 1],
          data: data.subarray(head * size, (head + 1) * size),
        },
      ]);
    });
  };
  const whole = async (): Promise<number> => {
    const started = performance.now();
    for (const variant of await variantsOf()) await run({ variants: [variant] });
    return performance.now() - started;
  };
  const behind = async (): Promise<number> => {
    const started = performance.now();
    const { cache } = await run({ ids: ids.slice(0, -1), logits: 'none', keepCache: true });
    if (!cache) throw new TypeError('the run kept no cache');
    const past = { cache, length: length - 1 };
    const variants = await variantsOf();
    // Layer by layer: what lies below the first change is run once for all.
    for (let first = 0; first < variants.length; first += fourLayers.heads) {
      await run({ past, variants: variants.slice(first, first + fourLayers.heads) });
    }
    return performance.now() - started;
  };
  const rounds: number[] = [];
  for (let i = 0; i <= 5; i++) {
    const ratio = (await whole()) / (await behind());
    if (i > 0) rounds.push(ratio);
  }
  report.figure({
    name: 'every head replaced at the last position, whole runs against rows behind a kept prefix, 32 heads, 512 tokens',
    value: median(rounds),
    unit: 'times',
    target: 10,
    comparison: 'atLeast',
    note: `median of ${rounds.length} rounds, ${threads} threads`,
  });
  await model.sessions.release();
}
