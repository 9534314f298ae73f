/**
 * Times with cold and with warm caches. Cold: one run right after a pass over an array that no cache holds (128 MB, or twice the
 * largest cache where that is more), by as many threads as the run has, so that every core's caches hold other numbers. Warm: the run
 * right after the cold one. Both are medians over the same pairs of runs; competitors take turns in random order. A model meets a
 * kernel between the two: its keys and values were just written, its cache of earlier positions was not.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { GraphBuilder } from '../../kernels/graph/builder';
import { reduceMax } from '../../kernels/graph/operators/reduce';
import type { CacheTimes } from '../../protocol/results/benchmark-schema';
import { beyondCaches } from '../devices/roof';
import { openSession } from '../runtime/session';
import { summary } from './statistics/summary';
import { shuffled, type Competitor } from './timing';

const fewestPairs = 5;
const mostPairs = 15;
/** An array larger than that of a machine of many cores would take longer to read than it is worth. */
const mostBytes = 2 ** 30;

export interface CacheOptions {
  readonly threads: number;
  /** Most seconds for all competitors together, once each has five pairs. */
  readonly seconds: number;
  readonly uniform: () => number;
  readonly signal: AbortSignal;
}

/** By name; competitors that were stopped before their first pair are missing. Each has run before. */
export async function coldAndWarm(
  competitors: readonly Competitor[],
  { threads, seconds, uniform, signal }: CacheOptions,
): Promise<ReadonlyMap<string, CacheTimes>> {
  const pairs = new Map(competitors.map(({ name }) => [name, [] as (readonly [cold: number, warm: number])[]]));
  const evictor = await openEvictor(threads);
  try {
    const from = performance.now();
    for (let round = 0; round < mostPairs && !signal.aborted; round++) {
      if (round >= fewestPairs && performance.now() - from >= seconds * 1000) break;
      for (const { name, run } of shuffled(competitors, uniform)) {
        if (signal.aborted) break;
        await evictor.evict();
        pairs.get(name)!.push([await timed(run), await timed(run)]);
      }
    }
  } finally {
    await evictor.release();
  }
  return new Map(
    [...pairs].flatMap(([name, taken]) => {
      if (taken.length === 0) return [];
      const [coldMs, warmMs] = [0, 1].map((at) => summary(taken.map((pair) => pair[at]!)).median) as [number, number];
      return [[name, { coldMs, warmMs, samples: taken.length }] as const];
    }),
  );
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** Rows among which the threads share the pass. */
const rows = 64;

async function openEvictor(threads: number): Promise<{ evict(): Promise<unknown>; release(): Promise<void> }> {
  const columns = Math.ceil(evictedBytes(largestCache()) / 4 / rows);
  const graph = new GraphBuilder('evict');
  graph.output(reduceMax(graph.input('x', 'float32', [rows, columns]), [1]), 'largest');
  const session = await openSession(graph.finish(), { device: 'cpu', threads });
  // Pages of zeros that were never written are one page of the system's, which a cache holds.
  const bound = session.bind({ x: { data: new Float32Array(rows * columns).fill(1), shape: [rows, columns] } });
  return { evict: () => bound.run(), release: () => session.release() };
}

export const evictedBytes = (largestCacheBytes: number): number =>
  Math.min(mostBytes, Math.max(beyondCaches, 2 * largestCacheBytes));

/** Bytes of the largest cache of the first processor, by Linux; 0 where the system does not say it. */
export function largestCache(folder = '/sys/devices/system/cpu/cpu0/cache'): number {
  try {
    const sizes = readdirSync(folder)
      .filter((name) => /^index\d+$/.test(name))
      .map((name) => bytesOf(readFileSync(path.join(folder, name, 'size'), 'utf8')));
    return Math.max(0, ...sizes);
  } catch {
    return 0;
  }
}

/** The bytes that a text such as `32768K` or `1M` names. */
function bytesOf(text: string): number {
  const [, count, unit] = /^(\d+)([KMG]?)/.exec(text.trim()) ?? [];
  return Number(count ?? 0) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit ?? '');
}
