/** A model of some size on a device beside the cpu, in this process: prefill, statistics of all heads, decoding. */
import { selfTest } from '../../compute-server/devices/self-test';
import { openModel, type LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import { modelOperators } from '../../compute-server/model/run/graphs/model-operators';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../compute-server/model/run/stream/run-request';
import type { DeviceId } from '../../compute-server/runtime/session';
import type { DeviceInfo } from '../../protocol/compute/api';
import type { SyntheticModel } from '../bench/support/synthetic-model';
import { writeSyntheticModel } from '../bench/support/synthetic-model';
import { textTable } from '../../compute-server/cli/table';
import { beside, digits, median } from './words';

export interface Size {
  readonly model: SyntheticModel;
  readonly length: number;
  readonly tokens: number;
  readonly rounds: number;
}

const common = { headDim: 64, contextLength: 32768 };
export const sizes: Readonly<Record<'quick' | 'full', Size>> = {
  quick: {
    model: { ...common, layers: 2, heads: 4, inner: 512, vocabulary: 1000 },
    length: 128,
    tokens: 4,
    rounds: 3,
  },
  // 0.9 billion parameters, 3.6 GB in float32.
  full: {
    model: { ...common, layers: 16, heads: 32, kvHeads: 8, inner: 8192, vocabulary: 32000 },
    length: 2048,
    tokens: 16,
    rounds: 5,
  },
};

const chunk = 256;
/** Targets of the issue: statistics of all heads in plain passes, decoding in crossings of the weights. */
const targets = { statistics: 1.3, decode: 2.5 } as const;

interface Times {
  readonly prefill: number[];
  readonly statistics: number[];
  readonly decode: number[];
}

export async function modelTimes(found: DeviceInfo, folder: string, size: Size): Promise<void> {
  const { model, length, tokens, rounds } = size;
  const { bytes } = writeSyntheticModel(folder, model);
  const threads = 0;
  const device = found.id as DeviceId;
  const proof = await selfTest({ device, threads, operators: modelOperators });
  const there = await openModel(folder, { device, threads, limitBytes: Infinity, selfTest: proof, name: found.name });
  const here = await openModel(folder, { device: 'cpu', threads, limitBytes: Infinity });
  const ids = Array.from({ length }, (_, i) => (i * 7919) % model.vocabulary);
  const once = async ({ spec, sessions }: LoadedModel, times: Times | undefined): Promise<void> => {
    const run = async (options: Partial<RunRequest>): Promise<number> => {
      const from = performance.now();
      await runPrompt(spec, sessions, { ids, chunk, logits: 'last', ...options });
      return performance.now() - from;
    };
    const [prefill, statistics] = [await run({ plain: true }), await run({ statistics: true })];
    const generation = await SequenceRun.start(spec, sessions, { ids, chunk });
    const from = performance.now();
    for (let token = 0; token < tokens; token++) await generation.extend([token]);
    const decode = (performance.now() - from) / tokens;
    if (!times) return;
    times.prefill.push(prefill);
    times.statistics.push(statistics);
    times.decode.push(decode);
  };
  const empty = (): Times => ({ prefill: [], statistics: [], decode: [] });
  const [onDevice, onCpu] = [empty(), empty()];
  for (let round = 0; round <= rounds; round++) {
    // The first round opens the sessions.
    await once(there, round === 0 ? undefined : onDevice);
    await once(here, round === 0 ? undefined : onCpu);
  }
  const row = (name: string, kind: keyof Times): readonly string[] => [
    name,
    beside(median(onDevice[kind]), median(onCpu[kind])),
  ];
  console.log(
    `${model.layers} layers x ${model.heads} heads of 64, ${digits(bytes / 1e6)} MB, ${length} tokens; medians of ${rounds} rounds`,
  );
  console.log(
    textTable(
      ['', 'ms (cpu, ratio)'],
      [
        row(`prefill of ${length} tokens`, 'prefill'),
        row('the same with statistics of all heads', 'statistics'),
        row('decoding a token behind it', 'decode'),
      ],
    ),
  );
  const statistics = median(onDevice.statistics.map((time, at) => time / (onDevice.prefill[at] ?? Number.NaN)));
  verdict('statistics of all heads against plain', statistics, targets.statistics);
  const bandwidth = found.peakBandwidthGBs;
  if (bandwidth === undefined) console.log('decoding against the bandwidth: not run, the bandwidth was not measured');
  else {
    const crossing = there.sessions.sizes.weights() / (bandwidth * 1e6);
    const what = `decoding against ${digits(crossing)} ms in which the weights cross ${digits(bandwidth)} GB/s once`;
    verdict(what, median(onDevice.decode) / crossing, targets.decode);
  }
  for (const sentence of there.sessions.places.sentences()) console.log(sentence);
  console.log('');
  for (const { sessions, reference } of [there, here]) {
    await sessions.release();
    await reference?.release();
  }
}

const verdict = (what: string, ratio: number, target: number): void =>
  console.log(`${what}: x ${digits(ratio)}, target ${target}: ${ratio <= target ? 'met' : 'MISSED'}`);
