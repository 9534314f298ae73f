/**
 * Times competitors against each other. In every round each of them runs once, in random order, so that a slower minute of
 * the machine, a warm cache or a hot processor favours nobody; the times of one round form pairs.
 */
import { summary } from './statistics/summary';

export interface Competitor {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

export interface TimingOptions {
  /** The competitor that takes part in every round, because all are compared with it. */
  readonly baseline: string;
  /** A second one: the baseline's backward pass, where those are timed. */
  readonly secondBaseline?: string;
  /**
   * Most seconds of timing, warm-up excluded. Slow kernels get more: three rounds whatever they take, and up to three times
   * the seconds for the six rounds without which the rank test cannot decide anything.
   */
  readonly seconds: number;
  /** Uniform in [0, 1). */
  readonly uniform: () => number;
  readonly signal: AbortSignal;
}

/** A competitor is settled when the standard error of its median is this share of the median. */
const settledError = 0.005;
/** Fewer say nothing about spread. */
const fewestRounds = 3;
/** Five unanimous pairs have p = 0.0625 in the signed-rank test, six have 0.031. */
const testableRounds = 6;
/** From so many rounds on a competitor may count as settled. */
const settlingRounds = 10;
const mostRounds = 1000;
/** A sample shorter than this is made of several runs, so that the clock and the event loop do not show in it. */
const shortestSampleMs = 1;
const warmUpMs = 100;
const mostWarmUpRuns = 20;

/** Milliseconds of one run, by round; a round in which the competitor no longer took part is missing. */
export interface Series {
  readonly name: string;
  readonly times: ReadonlyMap<number, number>;
  readonly settled: boolean;
}

export type TimingEnd = 'settled' | 'budget' | 'cancelled';

/** Runs each a few times: the first runs page memory in, fill the arena and wake the threads. */
async function warmUp(run: () => Promise<unknown>, signal: AbortSignal): Promise<{ readonly runMs: number }> {
  const from = performance.now();
  let shortest = Infinity;
  for (let count = 0; count < mostWarmUpRuns && !signal.aborted; count++) {
    if (count >= 2 && performance.now() - from >= warmUpMs) break;
    const start = performance.now();
    await run();
    shortest = Math.min(shortest, performance.now() - start);
  }
  return { runMs: shortest };
}

/** Yields after every round; returns how it ended. Cancelling takes effect between two runs. */
export async function* interleave(
  competitors: readonly Competitor[],
  options: TimingOptions,
): AsyncGenerator<readonly Series[], TimingEnd, void> {
  const entries: Entry[] = [];
  for (const { name, run } of competitors) {
    const { runMs } = await warmUp(run, options.signal);
    entries.push({
      name,
      run,
      repeats: Math.max(1, Math.ceil(shortestSampleMs / runMs)),
      times: new Map(),
      settled: false,
    });
  }
  const from = performance.now();
  for (let round = 0; round < mostRounds; round++) {
    for (const entry of shuffled(entries, options.uniform)) {
      if (options.signal.aborted) return 'cancelled';
      const isBaseline = entry.name === options.baseline || entry.name === options.secondBaseline;
      const active = !entry.settled || isBaseline;
      if (active) entry.times.set(round, await sample(entry, options.signal));
    }
    if (options.signal.aborted) return 'cancelled';
    const rounds = round + 1;
    for (const entry of entries) entry.settled ||= rounds >= settlingRounds && isSettled(entry.times);
    yield entries;
    if (entries.every((entry) => entry.settled)) return 'settled';
    const budgets = (performance.now() - from) / (options.seconds * 1000);
    if (rounds >= fewestRounds && budgets >= (rounds < testableRounds ? 3 : 1)) return 'budget';
  }
  return 'budget';
}

interface Entry extends Series {
  readonly run: () => Promise<unknown>;
  readonly repeats: number;
  readonly times: Map<number, number>;
  settled: boolean;
}

async function sample(entry: Entry, signal: AbortSignal): Promise<number> {
  const start = performance.now();
  let count = 0;
  do {
    await entry.run();
    count++;
  } while (count < entry.repeats && !signal.aborted);
  return (performance.now() - start) / count;
}

const isSettled = (times: ReadonlyMap<number, number>): boolean =>
  summary([...times.values()]).relativeError <= settledError;

export function shuffled<T>(items: readonly T[], uniform: () => number): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** The times of the rounds in which both ran, pair by pair. */
export function pairs(a: Series, b: Series): readonly [readonly number[], readonly number[]] {
  const rounds = [...a.times.keys()].filter((round) => b.times.has(round));
  return [rounds.map((round) => a.times.get(round)!), rounds.map((round) => b.times.get(round)!)];
}
