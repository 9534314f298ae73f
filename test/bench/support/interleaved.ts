/** Times mechanisms against each other in one process, interleaved at random, on the same numbers. */
import { cellAt, type Cell } from '../../../compute-server/harness/cell';
import { feedsOf, inputsOf, sharedInputs, type SharedInputs } from '../../../compute-server/harness/inputs';
import { ratioOfPairs } from '../../../compute-server/harness/statistics/ratio';
import { summary } from '../../../compute-server/harness/statistics/summary';
import { interleave, pairs, type Series } from '../../../compute-server/harness/timing';
import { openSession } from '../../../compute-server/runtime/session';
import type { Graph } from '../../../kernels/graph/graph';
import { mechanismById } from '../../../kernels/catalogue';
import { random } from '../../../kernels/tensors/random';
import type { BenchmarkPlan, ParameterValue } from '../../../protocol/results/benchmark';

/** Causal self-attention of 8 heads of 64, float32, on two threads of the cpu. */
export const causalPlan: BenchmarkPlan = {
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
  plan: BenchmarkPlan,
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
export async function race(plan: BenchmarkPlan, entrants: readonly Entrant[]): Promise<Race> {
  const drawn = new Map<string, SharedInputs>();
  const sharedOf = ({ shape }: Cell): SharedInputs => {
    const name = JSON.stringify(shape);
    const inputs = drawn.get(name) ?? sharedInputs(shape, plan.seed, plan.precision);
    drawn.set(name, inputs);
    return inputs;
  };
  const competitors = await Promise.all(
    entrants.map(async ({ name, cell, graph }) => {
      const built = graph ?? cell.mechanism.build(cell.shape, cell.parameters, plan.precision);
      const session = await openSession(built, { device: 'cpu', threads: plan.threads });
      const inputs = inputsOf(cell, sharedOf(cell), plan.seed, plan.precision);
      const bound = session.bind(feedsOf(cell, inputs, plan.seed, plan.precision), ['output']);
      return { name, run: () => bound.run(), release: () => session.release() };
    }),
  );
  const source = random(plan.seed);
  let latest: readonly Series[] = [];
  for await (const after of interleave(competitors, {
    baseline: plan.baseline,
    seconds: plan.secondsPerLength,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    latest = after;
  }
  for (const competitor of competitors) await competitor.release();
  const series = new Map(latest.map((each, index) => [competitors[index]!.name, each]));
  const of = (name: string): Series => {
    const found = series.get(name);
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
