/**
 * Scaling of one attention call, proved, then timed in turns. Strong: the same call on grids of worker processes and on one
 * worker. Weak: grids at a length that grows with the root of their workers. Beside them the whole matrix of scores in one
 * process: a gain over it is a gain of working in blocks first, of workers second.
 */
import { parametersOf, type Cell } from '../harness/cell';
import { check, type Check } from '../harness/correctness';
import { feedsOf } from '../harness/inputs';
import { ratioOfPairs } from '../harness/statistics/ratio';
import { summary } from '../harness/statistics/summary';
import { interleave, pairs, type Competitor, type Series } from '../harness/timing';
import { distributedMha, type DistributedParameters } from '../../kernels/mechanisms/distributed/distributed-mha';
import { predictSharded, workerCosts, type Link, type WorkerCost } from '../../kernels/mechanisms/distributed/scaling';
import { fused } from '../../kernels/mechanisms/fused';
import { scaledDotProduct } from '../../kernels/mechanisms/scaled-dot-product';
import type { Mechanism, ParameterValues } from '../../kernels/mechanism';
import type { AttentionShape } from '../../kernels/shape';
import { drawInputs } from '../../kernels/inputs';
import { random } from '../../kernels/tensors/random';
import type {
  ShardedGrid,
  ShardedSetup,
  ShardedProgress,
  ShardedRow,
  ShardedScaling,
  VanillaScaling,
  WeakRow,
} from '../../protocol/results/sharded';
import { FailureError } from '../../protocol/wire/failures';
import { bytesInWords } from '../../protocol/wire/words';
import type { Job } from '../dispatch/dispatcher';
import { provenance } from '../provenance';
import { processors } from '../processors';
import { openSession } from '../runtime/session';
import type { Surroundings } from '../surroundings';
import { measureLink } from './link';
import { refuseOverLimit } from './memory';
import { ShardedRun, type ShardedResult } from './sharded-run';

/** Said with every result. */
const includes =
  'A call lasts from the first message to the workers until the whole output is in the memory of the caller: the attention of every worker on one thread, the exchange of keys and values by the schedule, the merge by log-sums, and collecting the outputs. Queries, keys and values are resident: drawing and placing them, starting the processes and opening the sessions are not in the time.';

/** What the times of these grids include, and where workers had to share processors. */
function includesOf(grids: readonly ShardedGrid[]): string {
  const most = Math.max(...grids.map(({ headWorkers, sequenceWorkers }) => headWorkers * sequenceWorkers));
  if (most <= processors) return includes;
  return `${includes} Up to ${most} workers share ${processors} processors here: with one each they are faster.`;
}

const oneWorker: ShardedGrid = { headWorkers: 1, sequenceWorkers: 1, schedule: 'ring' };

/** A call that is open: strong, at the plan's length, or weak, at its own. */
interface Entry {
  readonly weak: boolean;
  readonly grid: ShardedGrid;
  readonly shape: AttentionShape;
  readonly parameters: DistributedParameters;
  readonly run: ShardedRun;
  readonly check: Check;
  /** Results of every call after the proof. */
  readonly calls: ShardedResult[];
}

const nameOf = ({ headWorkers, sequenceWorkers, schedule }: ShardedGrid): string =>
  sequenceWorkers === 1 ? `${headWorkers} along heads` : `${headWorkers} x ${sequenceWorkers}, ${schedule}`;

export async function* strongScaling(
  plan: ShardedSetup,
  { entry, memoryLimit }: Pick<Surroundings, 'entry' | 'memoryLimit'>,
  signal: AbortSignal,
): Job<ShardedProgress, ShardedScaling> {
  const stage = (sentence: string): ShardedProgress => ({ kind: 'stage', sentence });
  const { length, ...heads } = plan.shape;
  const at = (keys: number): AttentionShape => ({ ...heads, queries: keys, keys });
  const shape = at(length);
  const callsAt = (own: number) => {
    const strong = [oneWorker, ...plan.grids].map((grid) => ({ grid, shape: at(own), weak: false }));
    const weak = plan.weak ? plan.grids.map((grid) => ({ grid, shape: at(weakLength(own, grid)), weak: true })) : [];
    return [...strong, ...weak].map((call) => ({ ...call, parameters: parametersFor(call.grid, plan) }));
  };
  refuseOverLimit(callsAt, length, memoryLimit);
  const entries: Entry[] = [];
  const rivals: Rival[] = [];
  try {
    yield stage('Measuring the exchange between processes');
    const link = await measureLink(entry, signal);
    const inputs = drawInputs(distributed, shape, parametersFor(oneWorker, plan), plan.seed);
    for (const call of callsAt(length)) {
      const { grid, parameters, shape: own } = call;
      yield stage(`Opening and proving ${nameOf(grid)}${call.weak ? ` at ${own.keys}` : ''}`);
      const run = await ShardedRun.open({ shape: own, parameters, seed: plan.seed }, { entry, signal });
      const given = call.weak ? drawInputs(distributed, own, parameters, plan.seed) : inputs;
      const check = await prove(run, { shape: own, parameters, plan, inputs: given });
      entries.push({ ...call, run, calls: [], check });
    }
    rivals.push(await openRival(fused, shape, plan, inputs));
    const whole = scaledDotProduct as Mechanism;
    const needed = whole.cost(shape, {}).peakBytes;
    if (needed <= memoryLimit) {
      yield stage('Opening the whole matrix in one process');
      rivals.push(await openRival(whole, shape, plan, inputs));
    }
    const competitors: Competitor[] = [
      ...entries.map(({ grid, run, calls, weak }) => ({
        name: `${nameOf(grid)}${weak ? ', weak' : ''}`,
        run: async () => calls.push(await run.run({ collect: true })),
      })),
      ...rivals.map(({ name, run }) => ({ name, run })),
    ];
    const source = random(plan.seed);
    const timing = interleave(competitors, {
      baseline: competitors[0]!.name,
      seconds: plan.seconds,
      uniform: () => source.uniform(),
      signal,
    });
    let series: readonly Series[] = [];
    let state: ShardedScaling['state'] = 'done';
    try {
      let step = await timing.next();
      for (let round = 1; !step.done; round++) {
        series = step.value;
        yield stage(`Timing, round ${round}`);
        step = await timing.next();
      }
      if (step.value === 'cancelled') state = 'cancelled';
    } catch (error) {
      // Cancelling ends the workers in mid-call; the whole rounds before it are kept.
      if (!(error instanceof FailureError && error.failure.code === 'cancelled') || series.length === 0) throw error;
      state = 'cancelled';
    }
    if (series.length === 0) throw new FailureError({ code: 'cancelled' });
    const made = await provenance({}, plan.seed);
    return {
      ...made,
      device: { ...made.device, threads: 1 },
      kind: 'headscope-sharded',
      version: 1,
      plan,
      includes: includesOf(plan.grids),
      rows: rowsOf(entries, series, series[entries.length]!, shape, link),
      fusedMs: medianOf(series[entries.length]!),
      vanilla: vanillaOf(series[0]!, series[entries.length + 1], needed, memoryLimit),
      ...(plan.weak ? { weak: weakRowsOf(entries, series) } : {}),
      link: { bytesPerSecond: link.bytesPerSecond, latencyMs: 1000 * link.latencySeconds },
      state,
    };
  } finally {
    await Promise.all(entries.map(({ run }) => run.close()));
    for (const { release } of rivals) await release();
  }
}

const distributed = distributedMha as Mechanism;

/** n sqrt(P): the pairs of a worker, n^2 / P, stay as many. */
const weakLength = (length: number, { headWorkers, sequenceWorkers }: ShardedGrid): number =>
  Math.round(length * Math.sqrt(headWorkers * sequenceWorkers));

interface Rival {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  readonly release: () => Promise<void>;
}

/** A mechanism in this process with one thread. */
async function openRival(
  mechanism: Mechanism,
  shape: AttentionShape,
  plan: ShardedSetup,
  inputs: ReturnType<typeof drawInputs>,
): Promise<Rival> {
  const session = await openSession(mechanism.build(shape, {}, 'float32'), { device: 'cpu', threads: 1 });
  const cell = cellOf(mechanism, shape, {}, plan.shape.length);
  const bound = session.bind(feedsOf(cell, inputs, plan.seed, 'float32'), ['output']);
  return { name: mechanism.id, run: () => bound.run(), release: () => session.release() };
}

function vanillaOf(one: Series, own: Series | undefined, needed: number, limit: number): VanillaScaling {
  if (own) return { medianMs: medianOf(own), gainOfBlocks: ratioOfPairs(...pairs(own, one)) };
  return {
    reason: `The whole matrix needs ${bytesInWords(needed)}, more than the limit of ${bytesInWords(limit)}: give a smaller --length to compare with it.`,
  };
}

/** `series` are those of the entries, in their order, before any other. */
function weakRowsOf(entries: readonly Entry[], series: readonly Series[]): readonly WeakRow[] {
  return entries.flatMap(({ grid, shape, check: proof, weak }, index) => {
    const own = series[index]!;
    if (!weak) return [];
    return [
      {
        ...grid,
        workers: grid.headWorkers * grid.sequenceWorkers,
        length: shape.keys,
        medianMs: medianOf(own),
        efficiency: ratioOfPairs(...pairs(series[0]!, own)),
        maxError: proof.maxError,
        tolerance: proof.tolerance,
      },
    ];
  });
}

const parametersFor = (grid: ShardedGrid, { balanced }: ShardedSetup): DistributedParameters =>
  parametersOf(distributed, { ...grid, balanced }) as DistributedParameters;

const cellOf = (mechanism: Mechanism, shape: AttentionShape, parameters: ParameterValues, length: number): Cell => ({
  mechanism,
  parameters,
  shape,
  length,
  decoding: false,
});

/** No time is taken of a grid that is wrong. */
async function prove(
  run: ShardedRun,
  at: {
    readonly shape: AttentionShape;
    readonly parameters: DistributedParameters;
    readonly plan: ShardedSetup;
    readonly inputs: ReturnType<typeof drawInputs>;
  },
): Promise<Check> {
  const { shape, parameters, plan, inputs } = at;
  try {
    const { output } = await run.run({ collect: true });
    const cell = cellOf(distributed, shape, parameters, shape.keys);
    const data = { data: output!, shape: [shape.batch, shape.heads, shape.queries, shape.valueDim] };
    const checked = check(cell, inputs, data, plan.seed, 'float32', 'cpu');
    if (!checked.ok) throw new FailureError({ code: 'runtime-failed', detail: checked.reason! });
    return checked;
  } catch (error) {
    await run.close();
    throw error;
  }
}

const medianOf = (series: Series): number => summary([...series.times.values()]).median;

function rowsOf(
  all: readonly Entry[],
  series: readonly Series[],
  rival: Series,
  shape: AttentionShape,
  link: Link,
): readonly ShardedRow[] {
  const one = series[0]!;
  const entries = all.filter(({ weak }) => !weak);
  const first = entries[0]!;
  const oneCost = workerCosts(shape, first.parameters)[0]!;
  const oneCompute = slowest(first.calls, 'computeMs') / 1000;
  // Tiled attention is bound by arithmetic: its time goes with its operations.
  const secondsOf = ({ flops }: WorkerCost) => (oneCompute * flops) / oneCost.flops;
  const predicted = ({ parameters }: Entry) => predictSharded(shape, parameters, secondsOf, link, true).seconds;
  return entries.map((each, index) => {
    const own = series[index]!;
    const { median, relativeSd } = summary([...own.times.values()]);
    return {
      ...each.grid,
      workers: each.grid.headWorkers * each.grid.sequenceWorkers,
      medianMs: median,
      relativeSd,
      samples: own.times.size,
      ...(index === 0 ? {} : { speedUp: ratioOfPairs(...pairs(one, own)) }),
      ratioToFused: ratioOfPairs(...pairs(rival, own)),
      predictedMs: 1000 * predicted(each),
      predictedSpeedUp: predicted(first) / predicted(each),
      computeMs: slowest(each.calls, 'computeMs'),
      exchangeMs: slowest(each.calls, 'exchangeMs'),
      cpuMs: slowest(each.calls, 'cpuMs'),
      passedBytes: Math.max(...each.calls[0]!.workers.map(({ passedBytes }) => passedBytes)),
      maxError: each.check.maxError,
      tolerance: each.check.tolerance,
      ...(each.check.checkedRows === undefined ? {} : { checkedRows: each.check.checkedRows }),
    };
  });
}

/** The median over the calls of the worker that took longest in each. */
const slowest = (calls: readonly ShardedResult[], what: 'computeMs' | 'exchangeMs' | 'cpuMs'): number =>
  summary(calls.map(({ workers }) => Math.max(...workers.map((times) => times[what])))).median;
