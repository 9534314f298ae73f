/**
 * What interventions on attention cost: a prompt, and a generated token, against the plain run of the instrumented graphs, in turn.
 * The demo model, and four layers of SmolLM-135M's shape with random weights.
 */
import type { Variant } from '../../models/instrument/changes/changes';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ratioOfPairs } from '../../compute-server/harness/statistics/ratio';
import { summary } from '../../compute-server/harness/statistics/summary';
import { interleave, pairs, type Series } from '../../compute-server/harness/timing';
import { openModel, type LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import { ServerRunner } from '../../compute-server/runner/runner';
import { surroundingsOf } from '../support/model-jobs';
import { random } from '../../kernels/tensors/random';
import { parseDo } from '../../protocol/interventions/do-form';

import type { Sequence } from '../../diagnostics/model-runner/sequence';
import type { Bench, Report } from './support/bench';
import { writeSyntheticModel } from './support/synthetic-model';

const demoLm = resolve(__dirname, '../../examples/models/demo-lm');
const threads = 2;
const { signal } = new AbortController();

/** Every head of every layer. */
const forms = {
  'redistribute from columns': 'redistribute:*.*:columns>rest=0.6;alpha=5',
  'redistribute from states': 'redistribute:*.*:states>rest=0.6;tau=5;dimensions=1+2;region=1-40;least=0.1;ratio=0.5',
  'redistribute from keys': 'redistribute:*.*:0-3>rest=0.6',
  emphasis: 'emphasis:*.*:1-40=0.5',
  'emphasis of all rows': 'emphasis:*.*:1-40=0.5;rows=all',
  isolate: 'isolate:*.*:1-40/41-80=10000',
  'isolate one way': 'isolate:*.*:1-40>41-80=10000',
  reposition: 'reposition:*:1-20>41-60',
} as const;

const bench: Bench = {
  name: 'surgery',
  async run(report) {
    const demo = await openModel(demoLm, { device: 'cpu', threads, limitBytes: 8e9 });
    for (const length of [512, 2048]) await timed(report, demo, length, 'demo-lm');
    await demo.sessions.release();
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-surgery-'));
    try {
      const shape = {
        layers: 4,
        heads: 9,
        kvHeads: 3,
        headDim: 64,
        inner: 1536,
        vocabulary: 1000,
        contextLength: 4096,
      };
      writeSyntheticModel(folder, shape);
      const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 8e9 });
      for (const length of [512, 2048]) await timed(report, model, length, "4 layers of SmolLM-135M's shape");
      await model.sessions.release();
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

async function timed(report: Report, model: LoadedModel, length: number, what: string): Promise<void> {
  const source = random(length);
  const ids = Array.from({ length }, () => source.whole(model.summary.vocabulary));
  const runner = new ServerRunner(model, model, surroundingsOf({ memoryLimit: 8e9, defaultThreads: threads }), signal);
  const changed = async (
    sequence: Sequence,
  ): Promise<readonly { readonly name: string; readonly variant: Variant }[]> => {
    const variants: { readonly name: string; readonly variant: Variant }[] = [{ name: 'plain', variant: [] }];
    for (const [name, form] of Object.entries(forms)) {
      const read = parseDo(form);
      if (!read.ok) throw new RangeError(read.why);
      variants.push({ name, variant: (await runner.variant([read.value], sequence)).variant });
    }
    return variants;
  };
  const prompts = (await changed({ ids })).map(({ name, variant }) => ({
    name,
    run: () => runner.run({ ids, variants: [variant], logits: 'last' }),
  }));
  await compare(report, prompts, `a prompt of ${length} tokens, ${what}`, length > 1000 ? 40 : 15);
  const prompt = { ids: ids.slice(0, length - 200) };
  const decoding: { name: string; run: () => Promise<unknown> }[] = [];
  for (const { name, variant } of await changed(prompt)) {
    const run = await SequenceRun.start(model.spec, model.sessions, { ...prompt, chunk: length, variant });
    decoding.push({ name, run: () => run.extend([1]) });
  }
  await compare(report, decoding, `a token behind ${length - 200}, ${what}`, 3);
}

async function compare(
  report: Report,
  competitors: readonly { readonly name: string; readonly run: () => Promise<unknown> }[],
  what: string,
  seconds: number,
): Promise<void> {
  const source = random(1);
  let series: readonly Series[] = [];
  for await (const after of interleave(competitors, {
    baseline: 'plain',
    seconds,
    uniform: () => source.uniform(),
    signal,
  })) {
    series = after;
  }
  const [baseline] = series;
  if (!baseline) throw new Error('nothing was timed');
  series.forEach((own, at) => {
    const name = competitors[at]?.name ?? '';
    if (own === baseline) {
      report.figure({ name: `plain: ${what}`, value: summary([...own.times.values()]).median, unit: 'ms' });
      return;
    }
    const { median, low, high } = ratioOfPairs(...pairs(own, baseline));
    report.figure({
      name: `${name}: ${what}, against plain`,
      value: median,
      unit: 'times',
      target: 1.3,
      comparison: 'atMost',
      note: `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}`,
    });
  });
}
