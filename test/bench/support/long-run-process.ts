/**
 * A model from its folder to a text, in a process of its own, as Look and a generation run it: parity, head
 * statistics of a prompt, tokens behind it. `node --import tsx long-run-process.ts JOB` prints a LongRun.
 */
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { parityOf } from '../../../compute-server/model/checkpoint/parity';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import { processMemory } from './process-memory';
import { benchIds } from './sequence-messages';

export interface LongRunJob {
  readonly folder: string;
  readonly threads: number;
  readonly weights: WeightChoice;
  /** Bytes of weights that may be open at once. */
  readonly limitBytes: number;
  readonly length: number;
  readonly tokens: number;
}

export interface LongRun {
  /** To the logits of 8 tokens, parity included. */
  readonly openSeconds: number;
  /** Seconds of the prompt with the statistics of all heads. */
  readonly statisticsSeconds: number;
  /** Seconds of the prompt with its keys and values kept. */
  readonly prefillSeconds: number;
  /** Seconds of each token behind it. */
  readonly tokenSeconds: readonly number[];
  /** The most that was resident until the end of each. */
  readonly peakBytes: {
    readonly open: number;
    readonly statistics: number;
    readonly prefill: number;
    readonly tokens: number;
  };
}

async function main(): Promise<void> {
  const { folder, length, tokens, ...options } = JSON.parse(process.argv[2] ?? '{}') as LongRunJob;
  let last = performance.now();
  const lap = (): { seconds: number; peak: number } => {
    const seconds = (performance.now() - last) / 1000;
    last = performance.now();
    return { seconds, peak: processMemory('VmHWM') };
  };
  const model = await openModel(folder, { device: 'cpu', ...options });
  const { spec, sessions } = model;
  const ids = benchIds(length + tokens, model.summary.vocabulary);
  const first = { ids: ids.slice(0, 8), chunk: 256, logits: 'last' } as const;
  const parity = await parityOf(model, first);
  if (!parity.ok) throw new Error('the instrumented run is another model');
  await runPrompt(spec, sessions, first);
  const open = lap();
  const prompt = { ids: ids.slice(0, length), chunk: 256 };
  await runPrompt(spec, sessions, { ...prompt, logits: 'last', statistics: true });
  const statistics = lap();
  const run = await SequenceRun.start(spec, sessions, prompt);
  const prefill = lap();
  const each: { seconds: number; peak: number }[] = [];
  for (const id of ids.slice(length)) {
    await run.extend([id]);
    each.push(lap());
  }
  const result: LongRun = {
    openSeconds: open.seconds,
    statisticsSeconds: statistics.seconds,
    prefillSeconds: prefill.seconds,
    tokenSeconds: each.map(({ seconds }) => seconds),
    peakBytes: {
      open: open.peak,
      statistics: statistics.peak,
      prefill: prefill.peak,
      tokens: each.at(-1)?.peak ?? prefill.peak,
    },
  };
  process.stdout.write(JSON.stringify(result));
  await sessions.release();
}

void main();
