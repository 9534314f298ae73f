/**
 * What a run on WebGPU fetches to the host and sends to the device, with streams and keys that stay there and without: the same
 * sessions, in turn, in one process. Needs an adapter; on a software adapter the bytes hold and times are read as ratios.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfTest } from '../../compute-server/devices/self-test';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import type { LayerSessions } from '../../compute-server/model/run/graphs/layer-sessions';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../compute-server/model/run/stream/run-request';
import type { RuntimeSession } from '../../compute-server/runtime/session';
import { transfers } from '../../compute-server/runtime/webgpu-memory';
import type { Bench, Report } from './support/bench';
import { fourLayers, writeSyntheticModel } from './support/synthetic-model';

/** 384 tokens make three chunks: each of the first two is read by the next. */
const chunk = 128;
const length = 384;
const tokens = 2;
/** Rounds of each way; the first is not counted. */
const rounds = 3;

const bench: Bench = {
  name: 'device-transfers',
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-transfers-'));
    try {
      writeSyntheticModel(folder, fourLayers);
      await measure(report, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** Whose outputs all come to the host. */
function fetching(sessions: LayerSessions): LayerSessions {
  const all = Object.create(sessions) as LayerSessions;
  all.session = async (piece) => {
    const session = await sessions.session(piece);
    const run: RuntimeSession['run'] = (feeds, fetches) => session.run(feeds, fetches);
    return Object.assign(Object.create(session) as RuntimeSession, { run, keeps: false });
  };
  return all;
}

interface Cost {
  readonly fetched: number;
  readonly sent: number;
  readonly ms: number;
  /** Milliseconds of processor time of the process, in which a software adapter computes too. */
  readonly computingMs: number;
}

async function cost(act: () => Promise<unknown>): Promise<Cost> {
  const before = { ...transfers };
  const [started, used] = [performance.now(), process.cpuUsage()];
  await act();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  return {
    fetched: transfers.fetchedBytes - before.fetchedBytes,
    sent: transfers.sentBytes - before.sentBytes,
    ms,
    computingMs: (user + system) / 1000,
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measure(report: Report, folder: string): Promise<void> {
  const tested = await selfTest({ device: 'webgpu', threads: 2 });
  const model = await openModel(folder, { device: 'webgpu', threads: 2, limitBytes: 4e9, selfTest: tested });
  const ways = { stays: model.sessions, fetched: fetching(model.sessions) };
  const ids = Array.from({ length }, (_, i) => (i * 7919) % fourLayers.vocabulary);
  const prefill = (request: Partial<RunRequest>) => (sessions: LayerSessions) =>
    Promise.resolve(() => runPrompt(model.spec, sessions, { ids, chunk, logits: 'last', ...request }));
  /** What comes before the measured part, and that part. */
  const kinds: Readonly<Record<string, (sessions: LayerSessions) => Promise<() => Promise<unknown>>>> = {
    'plain prefill': prefill({ plain: true }),
    'prefill with statistics': prefill({ statistics: true, thumbnails: true, topKeys: 'last' }),
    [`${tokens} tokens behind it`]: async (sessions) => {
      const sequence = await SequenceRun.start(model.spec, sessions, { ids, chunk });
      return async () => {
        for (let i = 0; i < tokens; i++) await sequence.extend([i]);
        sequence.dispose();
      };
    },
  };
  for (const [kind, act] of Object.entries(kinds)) {
    const found = { stays: [] as Cost[], fetched: [] as Cost[] };
    for (let round = 0; round < rounds; round++) {
      for (const way of round % 2 === 0 ? (['stays', 'fetched'] as const) : (['fetched', 'stays'] as const)) {
        const one = await cost(await act(ways[way]));
        if (round > 0) found[way].push(one);
      }
    }
    const of = (way: 'stays' | 'fetched', figure: keyof Cost) => median(found[way].map((each) => each[figure]));
    const name = `${kind}, ${length} tokens, 4 layers of 8 heads of 64`;
    for (const figure of ['fetched', 'sent'] as const) {
      const before = of('fetched', figure) / 1e6;
      report.figure({
        name: `${name}: ${figure}`,
        value: of('stays', figure) / 1e6,
        unit: 'MB',
        note: `${before.toFixed(2)} MB when all comes back`,
      });
    }
    report.figure({
      name: `${name}: computing time, as a share of that when all comes back`,
      value: of('stays', 'computingMs') / of('fetched', 'computingMs'),
      unit: 'times',
      note: `wall time ${of('stays', 'ms').toFixed(0)} against ${of('fetched', 'ms').toFixed(0)} ms`,
    });
  }
  report.figure({ name: 'tensors left on the device', value: transfers.liveTensors, unit: 'times', target: 0 });
  await model.sessions.release();
}
