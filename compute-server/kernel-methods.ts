/** The methods that have to do with devices and kernels: what each call checks and does. */
import type { SelfTest, ServerInfo } from '../protocol/compute/api';
import { setupDevices } from '../protocol/compute/setup';
import type { BenchmarkSetup } from '../protocol/results/benchmark-schema';
import type { Schema } from '../protocol/schema/check';
import { flag, object, oneOf, optional } from '../protocol/schema/fields';
import { alone, jobAlone, type Lane, type Work } from './dispatch/lane';
import type { Methods } from './dispatch/dispatcher';
import {
  benchmarkRequest,
  device,
  neighborhoodRequest,
  setupRequest,
  shardedRequest,
  threads,
  viewRequest,
} from './harness/kernel-requests';
import { countOf, requested } from './dispatch/parse';
import { forgetProofs, isDeviceId, listDevices, probe, requireDevice } from './devices/devices';
import { setupOf } from './devices/setup';
import { measureAndKeep } from './devices/roof-cache';
import { benchmark } from './harness/benchmark';
import { benchmarkPatterns } from './harness/cab-run';
import { describeMechanisms, supports } from './harness/describe';
import { stoppedResult } from './harness/stopped-result';
import { neighborhoodBound } from './harness/neighborhood';
import { viewMechanism } from './harness/mechanism-view';
import { strongScaling } from './shards/strong-scaling';
import { runtimeVersion } from './runtime/session';
import type { Surroundings } from './surroundings';
import { refusal } from '../protocol/wire/failures';
import { headscopeVersion } from './version';

/** What is known before the runtime is loaded, which `ready` does not wait for. */
export const serverInfo = (runtime: string): ServerInfo => ({
  headscope: headscopeVersion,
  runtime,
  pid: process.pid,
  node: process.version,
});

export type KernelMethods = Pick<
  Methods,
  | 'info'
  | 'devices'
  | 'setup'
  | 'mechanisms'
  | 'mechanismView'
  | 'neighborhoodBound'
  | 'supports'
  | 'roof'
  | 'benchmark'
  | 'stoppedBenchmark'
  | 'distributed'
>;

/** `lane`: whatever takes times runs alone in the process. */
export function kernelMethods(surroundings: Surroundings, lane: Lane): KernelMethods {
  let running: AbortController | undefined;
  /** The self-test of another device than the cpu; undefined where it does not open. */
  const tested = ({ device }: BenchmarkSetup, signal: AbortSignal): Promise<SelfTest | undefined> =>
    alone(lane, signal, async () => {
      if (!isDeviceId(device)) return undefined;
      return (await probe(device, surroundings, signal)).selfTest;
    });

  return {
    info: {
      parse: none('info'),
      run: async () => serverInfo(await runtimeVersion()),
    },
    devices: {
      parse: one('devices', deviceOptions, 'the options'),
      run: ([options], signal) =>
        alone(lane, signal, () => {
          if (options.again) forgetProofs();
          return listDevices(options, surroundings, signal);
        }),
    },
    setup: {
      parse: one('setup', setupDevice, 'the device'),
      run: ([device], signal) => alone(lane, signal, () => setupOf(device, surroundings, signal)),
    },
    mechanisms: {
      parse: none('mechanisms'),
      run: () => Promise.resolve(describeMechanisms()),
    },
    mechanismView: {
      parse: one('mechanismView', viewRequest),
      run: ([request]) => Promise.resolve(viewMechanism(request)),
    },
    neighborhoodBound: {
      parse: one('neighborhoodBound', neighborhoodRequest),
      run: ([request]) => Promise.resolve(neighborhoodBound(request)),
    },
    supports: {
      parse: one('supports', setupRequest, 'the plan'),
      async run([plan], signal) {
        const known = plan.device === 'cpu' ? undefined : await tested(plan, signal);
        return supports(plan, surroundings.memoryLimit, known);
      },
    },
    roof: {
      parse(args) {
        countOf(args, 2, 'roof');
        return [requested(device, args[0], 'device'), requested(threads, args[1], 'threads')];
      },
      run: ([device, threads], signal) =>
        alone(lane, signal, async () => {
          const { id } = await requireDevice(device, threads, surroundings, signal);
          return measureAndKeep(id, threads || surroundings.defaultThreads, surroundings, signal);
        }),
    },
    benchmark: {
      parse: one('benchmark', benchmarkRequest, 'the plan'),
      run([{ beside = false, ...plan }], signal) {
        // A new benchmark takes the place of the running one, which answers with what it has.
        running?.abort();
        running = new AbortController();
        const both = AbortSignal.any([signal, running.signal]);
        const job = plan.furtherPatterns ? benchmarkPatterns : benchmark;
        const work = { name: 'running a benchmark', measures: true } as const;
        const start = () => job(plan, surroundings, both, () => lane.doing(work));
        if (beside) return besideOthers(lane, work, start);
        const total = new Set([...plan.mechanisms, plan.baseline]).size * plan.shape.lengths.length;
        return jobAlone(lane, both, start, work, (sentence) => ({ kind: 'stage', sentence, done: 0, total }));
      },
      describe: (progress) =>
        progress.kind === 'row'
          ? { lane: 'row', key: `${progress.row.mechanism} ${progress.row.length}`, final: progress.final }
          : { lane: 'stage', key: '', final: false },
    },
    stoppedBenchmark: {
      parse: one('stoppedBenchmark', setupRequest, 'the plan'),
      run: ([{ done = [], ...plan }]) => stoppedResult(plan, done, 'cancelled', surroundings),
    },
    distributed: {
      parse: one('distributed', shardedRequest, 'the plan'),
      run: ([plan], signal) =>
        jobAlone(lane, signal, () => strongScaling(plan, surroundings, signal), {
          name: 'running attention over processes',
          measures: true,
        }),
      describe: () => ({ lane: 'stage', key: '', final: false }),
    },
  };
}

/** A person lets it run beside what is going on; the result says so. */
async function* besideOthers<P, R>(
  lane: Lane,
  work: Work,
  start: () => AsyncGenerator<P, R, void>,
): AsyncGenerator<P, R, void> {
  const end = lane.begin(work);
  try {
    return yield* start();
  } finally {
    end();
  }
}

const deviceOptions = object({
  roof: flag,
  again: optional(flag),
});

const setupDevice = oneOf(setupDevices);

const none =
  (method: string) =>
  (args: readonly unknown[]): [] => {
    if (args.length > 0) throw refusal(`${method} takes no arguments`);
    return [];
  };

const one =
  <T>(method: string, schema: Schema<T>, root?: string) =>
  (args: readonly unknown[]): [T] => {
    countOf(args, 1, method);
    return [requested(schema, args[0], root)];
  };
