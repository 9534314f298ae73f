/** Strong scaling: the same call on grids of worker processes and on one worker, proved, then timed in turns. */
import { parametersOf, type Cell } from '../harness/cell';
import { check, type Check } from '../harness/correctness';
import { feedsOf } from '../harness/inputs';
import { ratioOfPairs } from '../harness/statistics/ratio';
import { summary } from '../harness/statistics/summary';
import { interleave, pairs, type Competitor, type Series } from '../harness/timing';
import { distributedMha, type DistributedParameters } from '../../kernels/mechanisms/distributed/distributed-mha';
import { predictSharded, workerCosts, type Link, type WorkerCost } from '../../kernels/mechanisms/distributed/scaling';
import { fused } from '../../kernels/mechanisms/fused';
import type { Mechanism, ParameterValues } from '../../kernels/mechanism';
import type { AttentionShape } from '../../kernels/shape';
import { drawInputs } from '../../kernels/tensors/inputs';
import { random } from '../../kernels/tensors/random';
import type {
  ShardedGrid,
  ShardedPlan,
  ShardedProgress,
  ShardedRow,
  ShardedScaling,
} from '../../protocol/results/sharded';
import { FailureError } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import { provenance } from '../provenance';
import { processors } from '../processors';
import { openSession } from '../runtime/session';
import { measureLink } from './link';
import { ShardedRun, type ShardedResult } from './sharded-run';

/** Said with every result. */
const includes =
  'A call lasts from the first message to the workers until the output lies whole in the memory of the caller: the attention of every worker on one thread, the exchange of keys and values by the schedule, the merge by log-sums, and collecting the outputs. Queries, keys and values are resident: drawing and placing them, starting the processes and opening the sessions are not in the time.';

/** What the times of these grids include, and where workers had to share processors. */
function includesOf(grids: readonly ShardedGrid[]): string {
  const most = Math.max(...grids.map(({ headWorkers, sequenceWorkers }) => headWorkers * sequenceWorkers));
  if (most <= processors) return includes;
  return `${includes} Up to ${most} workers share ${processors} processors here: with one each they are faster.`;
}

const oneWorker: ShardedGrid = { headWorkers: 1, sequenceWorkers: 1, schedule: 'ring' };

interface Entry {
  readonly grid: ShardedGrid;
  readonly parameters: DistributedParameters;
  readonly run: ShardedRun;
  readonly check: Check;
  /** Of every call after the proof. */
  readonly calls: ShardedResult[];
}

const nameOf = ({ headWorkers, sequenceWorkers, schedule }: ShardedGrid): string =>
  sequenceWorkers === 1 ? `${headWorkers} along heads` : `${headWorkers} x ${sequenceWorkers}, ${schedule}`;

export async function* strongScaling(
  plan: ShardedPlan,
  entry: string,
  signal: AbortSignal,
): Job<ShardedProgress, ShardedScaling> {
  const stage = (sentence: string): ShardedProgress => ({ kind: 'stage', sentence });
  const { length, ...heads } = plan.shape;
  const shape: AttentionShape = { ...heads, queries: length, keys: length };
  const entries: Entry[] = [];
  let releaseFused: (() => Promise<void>) | undefined;
  try {
    yield stage('Measuring the exchange between processes');
    const link = await measureLink(entry, signal);
    const inputs = drawInputs(distributed, shape, parametersFor(oneWorker, plan), plan.seed);
    for (const grid of [oneWorker, ...plan.grids]) {
      yield stage(`Opening and proving ${nameOf(grid)}`);
      const parameters = parametersFor(grid, plan);
      const run = await ShardedRun.open({ shape, parameters, seed: plan.seed }, { entry, signal });
      entries.push({ grid, parameters, run, calls: [], check: await prove(run, { shape, parameters, plan, inputs }) });
    }
    const rival = cellOf(fused, shape, {}, length);
    const session = await openSession(fused.build(shape, {}, 'float32'), { device: 'cpu', threads: 1 });
    releaseFused = () => session.release();
    const bound = session.bind(feedsOf(rival, inputs, plan.seed, 'float32'), ['output']);
    const competitors: Competitor[] = [
      ...entries.map(({ grid, run, calls }) => ({
        name: nameOf(grid),
        run: async () => calls.push(await run.run({ collect: true })),
      })),
      { name: 'fused', run: () => bound.run() },
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
      rows: rowsOf(entries, series, shape, link),
      fusedMs: medianOf(series.at(-1)!),
      link: { bytesPerSecond: link.bytesPerSecond, latencyMs: 1000 * link.latencySeconds },
      state,
    };
  } finally {
    await Promise.all(entries.map(({ run }) => run.close()));
    await releaseFused?.();
  }
}

const distributed = distributedMha as Mechanism;

const parametersFor = (grid: ShardedGrid, { balanced }: ShardedPlan): DistributedParameters =>
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
    readonly plan: ShardedPlan;
    readonly inputs: ReturnType<typeof drawInputs>;
  },
): Promise<Check> {
  const { shape, parameters, plan, inputs } = at;
  try {
    const { output } = await run.run({ collect: true });
    const cell = cellOf(distributed, shape, parameters, plan.shape.length);
    const data = { data: output!, shape: [shape.batch, shape.heads, shape.queries, shape.valueDim] };
    const checked = check(cell, inputs, data, plan.seed, 'float32');
    if (!checked.ok) throw new FailureError({ code: 'runtime-failed', detail: checked.reason! });
    return checked;
  } catch (error) {
    await run.close();
    throw error;
  }
}

const medianOf = (series: Series): number => summary([...series.times.values()]).median;

function rowsOf(
  entries: readonly Entry[],
  series: readonly Series[],
  shape: AttentionShape,
  link: Link,
): readonly ShardedRow[] {
  const [one, rival] = [series[0]!, series.at(-1)!];
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
