/** Times mechanisms, and other graphs, against each other in one process, interleaved at random. */
import { cellAt, type Cell } from '../../../compute-server/harness/cell';
import { feedsOf, inputsOf, sharedInputs, type SharedInputs } from '../../../compute-server/harness/inputs';
import { ratioOfPairs } from '../../../compute-server/harness/statistics/ratio';
import { summary } from '../../../compute-server/harness/statistics/summary';
import { interleave, pairs, type Competitor, type Series } from '../../../compute-server/harness/timing';
import { openSession, type RuntimeSession, type RuntimeValues } from '../../../compute-server/runtime/session';
import type { Graph } from '../../../kernels/graph/graph';
import { mechanismById } from '../../../kernels/catalogue';
import { random } from '../../../kernels/tensors/random';
import type { ParameterValue } from '../../../protocol/schema/parts';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';

/** Causal self-attention of 8 heads of 64, float32, on two threads of the cpu. */
export const causalPlan: BenchmarkSetup = {
  mechanisms: [],
  baseline: 'fused',
  parameters: {},
  device: 'cpu',
  threads: 2,
  precision: 'float32',
  seed: 1,
  secondsPerLength: 60,
  measureMemory: true,
  shape: { pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64, lengths: [] },
};

export interface Entrant {
  readonly name: string;
  readonly cell: Cell;
  /** The mechanism's own when left out. */
  readonly graph?: Graph;
}

/** A mechanism of the catalogue at one length of the plan. */
export function entrant(
  name: string,
  id: string,
  plan: BenchmarkSetup,
  length: number,
  parameters: Readonly<Record<string, ParameterValue>> = {},
): Entrant {
  return { name, cell: cellAt(mechanismById(id)!, { ...plan, parameters: { [id]: parameters } }, length) };
}

export interface Race {
  /** How many times longer `slow` takes than `fast`, by the pairs of one run, and a note of the spread. */
  readonly times: (slow: string, fast: string) => { readonly median: number; readonly note: string };
  readonly medianMs: (name: string) => number;
}

/** The entrant named as the plan's baseline takes part in every round. */
export async function race(plan: BenchmarkSetup, entrants: readonly Entrant[]): Promise<Race> {
  const drawn = new Map<string, SharedInputs>();
  const sharedOf = ({ shape }: Cell): SharedInputs => {
    const name = JSON.stringify(shape);
    const inputs = drawn.get(name) ?? sharedInputs(shape, plan.seed, plan.precision);
    drawn.set(name, inputs);
    return inputs;
  };
  return raceGraphs(
    entrants.map(({ name, cell, graph }) => ({
      name,
      graph: graph ?? cell.mechanism.build(cell.shape, cell.parameters, plan.precision),
      feeds: feedsOf(cell, inputsOf(cell, sharedOf(cell), plan.seed, plan.precision), plan.seed, plan.precision),
      outputs: ['output'],
    })),
    { baseline: plan.baseline, seconds: plan.secondsPerLength, threads: plan.threads, seed: plan.seed },
  );
}

export interface GraphEntrant {
  readonly name: string;
  readonly graph: Graph;
  readonly feeds: RuntimeValues;
  /** All when left out. */
  readonly outputs?: readonly string[];
}

/** Opened one after the other, run in turn by `use`, and released. */
export async function withSessions<T>(
  entrants: readonly GraphEntrant[],
  threads: number,
  use: (competitors: readonly Competitor[]) => Promise<T>,
): Promise<T> {
  const sessions: RuntimeSession[] = [];
  try {
    const competitors: Competitor[] = [];
    for (const { name, graph, feeds, outputs } of entrants) {
      const session = await openSession(graph, { device: 'cpu', threads });
      sessions.push(session);
      const bound = session.bind(feeds, outputs);
      competitors.push({ name, run: () => bound.run() });
    }
    return await use(competitors);
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** Graphs with numbers of their own; the one named as baseline takes part in every round. */
export async function raceGraphs(
  entrants: readonly GraphEntrant[],
  settings: { readonly baseline: string; readonly seconds: number; readonly threads: number; readonly seed: number },
): Promise<Race> {
  const source = random(settings.seed);
  const latest = await withSessions(entrants, settings.threads, async (competitors) => {
    let series: readonly Series[] = [];
    for await (const after of interleave(competitors, {
      baseline: settings.baseline,
      seconds: settings.seconds,
      uniform: () => source.uniform(),
      signal: new AbortController().signal,
    })) {
      series = after;
    }
    return series;
  });
  const of = (name: string): Series => {
    const found = latest.find((series) => series.name === name);
    if (!found) throw new Error(`${name} was not timed.`);
    return found;
  };
  return {
    times: (slow, fast) => {
      const { median, low, high } = ratioOfPairs(...pairs(of(slow), of(fast)));
      return { median, note: `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}` };
    },
    medianMs: (name) => summary([...of(name).times.values()]).median,
  };
}
