/**
 * Decoding by step graphs against the graphs of the blocks, which join and move the whole cache of a layer for each token; and
 * tokens whose heads are looked into against plain ones.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ratioOfPairs } from '../../compute-server/harness/statistics/ratio';
import { summary } from '../../compute-server/harness/statistics/summary';
import { interleave, pairs, type Series } from '../../compute-server/harness/timing';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { random } from '../../kernels/tensors/random';
import type { Bench, Report } from './support/bench';
import { realSize, writeSyntheticModel, type SyntheticModel } from './support/synthetic-model';

const threads = 2;

/** One layer of SmolLM-135M's shape between small ends. */
const oneLayer: SyntheticModel = {
  layers: 1,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  inner: 1536,
  vocabulary: 100,
  contextLength: 65536,
};

const bench: Bench = {
  name: 'decode',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-bench-decode-'));
    try {
      const layer = join(root, 'layer');
      writeSyntheticModel(layer, oneLayer);
      for (const [keys, target] of [
        [512, undefined],
        [2048, undefined],
        [8192, 1.5],
        [16384, 1.9],
        [32768, 2.4],
      ] as const) {
        await against(report, layer, keys, `a layer of SmolLM-135M's shape`, target);
      }
      const whole = join(root, 'whole');
      writeSyntheticModel(whole, realSize);
      for (const keys of [512, 2048]) await against(report, whole, keys, '322 M parameters in float32');
      for (const weights of ['as-stored', 'q8'] as const) {
        for (const keys of [512, 2048]) await lookedInto(report, whole, keys, weights);
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};
export default bench;

async function against(report: Report, folder: string, keys: number, what: string, target?: number): Promise<void> {
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 8e9 });
  const { vocabulary } = model.summary;
  const ids = Array.from({ length: keys }, (_, i) => (i * 7919) % vocabulary);
  const start = (blocksAlone: boolean): Promise<SequenceRun> =>
    SequenceRun.start(model.spec, model.sessions, { ids, chunk: 256, blocksAlone });
  const [steps, blocks] = [await start(false), await start(true)];
  const [a, b] = [(await steps.extend([1])).logits, (await blocks.extend([1])).logits];
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = b.reduce((most, value, i) => Math.max(most, Math.abs(value - (a[i] ?? NaN))), 0);

  const competitor = (name: string, run: SequenceRun) => ({ name, run: () => run.extend([1]) });
  const source = random(1);
  let series: readonly Series[] = [];
  for await (const after of interleave([competitor('steps', steps), competitor('blocks', blocks)], {
    baseline: 'steps',
    seconds: 8,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    series = after;
  }
  const [byStep, byBlock] = series;
  if (!byStep || !byBlock) throw new Error('nothing was timed');
  const { median, low, high } = ratioOfPairs(...pairs(byBlock, byStep));
  const at = `${what}, ${keys} keys`;
  const times = ({ times: all }: Series): readonly number[] => [...all.values()];
  const fastest = (one: Series): number => Math.min(...times(one));
  const note = (one: Series): string =>
    `fastest ${fastest(one).toFixed(2)}, ${one.times.size} tokens, ${threads} threads`;
  report.figure({
    name: `speed of decoding by steps against blocks, ${at}`,
    value: median,
    unit: 'times',
    note: `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}; fastest against fastest ${(fastest(byBlock) / fastest(byStep)).toFixed(2)}`,
    ...(target === undefined ? {} : { target, comparison: 'atLeast' as const }),
  });
  report.figure({
    name: `a token by steps, ${at}`,
    value: summary(times(byStep)).median,
    unit: 'ms',
    note: note(byStep),
  });
  report.figure({
    name: `a token by blocks, ${at}`,
    value: summary(times(byBlock)).median,
    unit: 'ms',
    note: note(byBlock),
  });
  report.figure({
    name: `largest difference of the logits, against the largest, ${at}`,
    value: error / largest,
    unit: 'of it',
    // Rounding adds up over layers.
    ...(model.spec.blocks.length === 1 ? { target: 1e-6 } : {}),
  });
  await model.sessions.release();
}

/** Sequences of their own, in turns; a group of 64 keys. */
async function lookedInto(report: Report, folder: string, keys: number, weights: 'as-stored' | 'q8'): Promise<void> {
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 8e9, weights });
  const ids = Array.from({ length: keys }, (_, i) => (i * 7919) % model.summary.vocabulary);
  const groups = [{ name: 'first 64', positions: Array.from({ length: 64 }, (_, i) => i) }];
  const start = (): Promise<SequenceRun> =>
    SequenceRun.start(model.spec, model.sessions, { ids, chunk: 256, groups, stepsAtOnce: true });
  const plain = await start();
  const ways = {
    'with statistics of all heads': { statistics: true },
    'with the outputs of all heads and their mass on a group': { observe: true },
  };
  const competitors = [{ name: 'plain', run: () => plain.extend([1]) }];
  for (const [name, wanted] of Object.entries(ways)) {
    const run = await start();
    competitors.push({ name, run: () => run.extend([1], wanted) });
  }
  const source = random(1);
  let series: readonly Series[] = [];
  for await (const after of interleave(competitors, {
    baseline: 'plain',
    seconds: 12,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    series = after;
  }
  const [without, ...others] = series;
  if (!without) throw new Error('nothing was timed');
  for (const [at, name] of Object.keys(ways).entries()) {
    const looked = others[at];
    if (!looked) throw new Error('nothing was timed');
    const { median, low, high } = ratioOfPairs(...pairs(looked, without));
    const [own, other] = [looked, without].map(({ times }) => Math.min(...times.values()));
    report.figure({
      name: `a token ${name}, against one without, 322 M parameters ${weights === 'q8' ? 'in 8 bits' : 'in float32'}, ${keys} keys`,
      value: median,
      unit: 'times',
      target: 1.3,
      comparison: 'atMost',
      note: `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}; fastest ${own?.toFixed(2)} against ${other?.toFixed(2)} ms`,
    });
  }
  await model.sessions.release();
}
