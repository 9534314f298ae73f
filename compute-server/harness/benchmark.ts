/**
 * The benchmark job. Length by length, shortest first: what cannot run is refused with its reason; every cell is proved
 * against its float64 reference; those that pass are timed against each other; peak memory is measured in processes of their
 * own. Rows stream while they are measured. Stopped by its signal it returns what it has, marked `cancelled`.
 *
 * A long cell is compared with its reference on a seeded sample of query rows, in all heads. Competitors run once per round in
 * random order until the standard error of each median is 0.5 % or the budget ends. A difference is called one when the
 * signed-rank test over the pairs gives p < 0.05, which is when the interval shown leaves 1 out, and the ratio is more than 2 %
 * off 1 (`protocol/results/verdict.ts`). Backward passes take part in the same rounds. Times on other devices than the cpu include
 * moving inputs and output (`transfers`), since onnxruntime-node hands over host memory only. How busy the machine was is
 * recorded with every result.
 */
import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BenchmarkProgress, SelfTest } from '../../protocol/compute/api';
import { keptOnResume } from '../../protocol/results/benchmark';
import type {
  BenchmarkRow,
  CacheTimes,
  BenchmarkSetup,
  BenchmarkResult,
  Calibration,
  Roof,
} from '../../protocol/results/benchmark-schema';
import { isBusy, percentOf } from '../../protocol/results/machine';
import { FailureError } from '../../protocol/wire/failures';
import { bytesInWords, sentenceOf } from '../../protocol/wire/words';
import { random, seedFor } from '../../kernels/tensors/random';
import { requireDevice } from '../devices/devices';
import { calibrationFor } from '../devices/calibration';
import { MachineWatch } from '../machine-load';
import { cachedRoof, measureAndKeep } from '../devices/roof-cache';
import type { Job } from '../dispatch/dispatcher';
import { runInProcess } from '../processes/task-process';
import type { DeviceId } from '../runtime/session';
import type { OwnKernel } from '../own-kernels/own-mechanism';
import type { Surroundings } from '../surroundings';
import { headscopeVersion } from '../version';
import {
  backwardGraph,
  isBackwardPrepared,
  prepareBackward,
  type BackwardGraph,
  type PreparedBackward,
  type RefusedBackward,
  backwardName,
  backwardTimes,
} from './backward';
import { efficiencyLengths } from './cab';
import { coldAndWarm } from './caches';
import { isOwn, mechanismOf, openOwnKernels } from './catalogue';
import { cellAt, costOf, shapeAt, supportOf, type Cell } from './cell';
import { crossovers, exponentFits } from './conclusions';
import { groups } from './groups';
import { sharedInputs } from './inputs';
import { neededBytes, nothingFits, overLimit } from './memory-limit';
import { handedOf, peakMemoryTask, type PeakMemory } from './peak-memory';
import { isPrepared, prepare, type Prepared } from './preparation';
import { impossible, refusedRow, timedRow, withoutImpossible } from './rows';
import { TimeLeft } from './time-left';
import { interleave, type Series, type TimingEnd } from './timing';

/** A mechanism's forward pass, and its forward and backward pass where the plan asks for it. */
interface Passes extends Prepared {
  readonly backward?: PreparedBackward | RefusedBackward;
}

interface Run {
  /** With the seed of the inputs, which is drawn anew where kernel files take part. */
  readonly plan: BenchmarkSetup;
  readonly own: readonly OwnKernel[];
  readonly device: DeviceId;
  /** Absent for the cpu. */
  readonly selfTest: SelfTest | undefined;
  readonly threads: number;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
  readonly rows: BenchmarkRow[];
  /** Cells of the whole plan, for progress. */
  readonly total: number;
  readonly timeLeft: TimeLeft;
  /** Absent where the system says nothing of its processors. */
  readonly watch: MachineWatch | undefined;
  /** Absent where no time is predicted. */
  readonly calibration: Calibration | undefined;
  roof: Roof;
  /** The roof was measured during this run, not read from the cache. */
  roofIsFresh: boolean;
}

export async function* benchmark(
  plan: BenchmarkSetup,
  surroundings: Surroundings,
  signal: AbortSignal,
  /** Other work of this process at the moment. */
  doing?: () => readonly string[],
): Job<BenchmarkProgress, BenchmarkResult> {
  const started = performance.now();
  const own = await openOwnKernels(plan.kernels ?? []);
  try {
    return yield* benchmarkOpened(plan, own, started, surroundings, signal, doing);
  } finally {
    for (const kernel of own) await kernel.rest();
  }
}

/** `own`: the plan's kernel files. */
async function* benchmarkOpened(
  plan: BenchmarkSetup,
  own: readonly OwnKernel[],
  started: number,
  surroundings: Surroundings,
  signal: AbortSignal,
  doing?: () => readonly string[],
): Job<BenchmarkProgress, BenchmarkResult> {
  // No kernel file may know what it is going to be asked: its graph could hold the answers.
  const inputSeed = own.length > 0 ? randomInt(2 ** 31) : plan.seed;
  const mechanisms = [...new Set([plan.baseline, ...plan.mechanisms])].map(mechanismOf);
  const cells = plan.shape.lengths.map((length) => mechanisms.map((mechanism) => cellAt(mechanism, plan, length)));
  const nothing = nothingFits(cells.flat(), plan, surroundings.memoryLimit);
  if (nothing) throw nothing;

  const threads = plan.threads || surroundings.defaultThreads;
  const { selfTest, ...device } = await requireDevice(plan.device, threads, surroundings, signal);
  const kept = (plan.done ?? []).filter(keptOnResume);
  const watch = await MachineWatch.begin(surroundings.processorTime, doing);
  const others =
    watch && isBusy(watch.before) ? `, beside other programs (${percentOf(watch.before)} of the processors)` : '';
  yield {
    kind: 'stage',
    sentence: `Measuring what this device can reach${others}`,
    done: kept.length,
    total: cells.flat().length,
  };
  const run: Run = {
    plan: { ...plan, seed: inputSeed },
    own,
    device: device.id,
    selfTest,
    threads,
    surroundings,
    signal,
    rows: [...kept],
    total: cells.flat().length,
    timeLeft: new TimeLeft(cells.map((atLength) => operationsLeft(atLength, kept, plan, surroundings.memoryLimit))),
    watch,
    calibration: await calibrationFor(plan, device.id, threads, surroundings, signal),
    roof: await cachedRoof(device.id, threads, surroundings, signal),
    roofIsFresh: false,
  };
  for (const [at, atLength] of cells.entries()) {
    if (signal.aborted) break;
    run.timeLeft.begin(at);
    yield* measureLength(atLength, run);
    run.timeLeft.end();
  }
  return {
    kind: 'headscope-bench',
    version: 1,
    headscope: headscopeVersion,
    created: new Date().toISOString(),
    device,
    settings: { memoryLimitBytes: surroundings.memoryLimit },
    seed: plan.seed,
    ...(own.length > 0
      ? { inputSeed, kernelFiles: own.map(({ mechanism: { id, title }, sha256 }) => ({ id, title, sha256 })) }
      : {}),
    plan,
    rows: inSetupOrder(
      run.rows,
      mechanisms.map((mechanism) => mechanism.id),
    ),
    fits: exponentFits(run.rows),
    crossover: crossovers(plan, run.rows),
    roof: run.roof,
    ...(run.calibration ? { calibration: run.calibration } : {}),
    ...cabOf(plan, run.rows),
    ...(watch ? { machine: watch.end() } : {}),
    state: signal.aborted ? 'cancelled' : 'done',
    seconds: (performance.now() - started) / 1000,
  };
}

/** CAB's efficiency lengths of the plan's own pattern, where enough lengths were measured to fit any. */
function cabOf(plan: BenchmarkSetup, rows: readonly BenchmarkRow[]): Pick<BenchmarkResult, 'cab'> {
  if (plan.shape.mode === 'decode') return {};
  const efficiency = efficiencyLengths([{ pattern: plan.shape.pattern, rows }], plan.baseline, []);
  return efficiency.some(({ time, memory }) => time ?? memory) ? { cab: { efficiency } } : {};
}

/** Operations of the cells at one length that can run and have no kept result, and of the baseline that runs with them. */
function operationsLeft(
  cells: readonly Cell[],
  kept: readonly BenchmarkRow[],
  plan: BenchmarkSetup,
  memoryLimit: number,
): number {
  const isKept = (cell: Cell): boolean => kept.some((row) => isRowOf(row, cell));
  if (cells.every(isKept)) return 0;
  return cells
    .filter((cell) => cell.mechanism.id === plan.baseline || !isKept(cell))
    .filter((cell) => supportOf(cell).ok && !overLimit(cell, plan, memoryLimit))
    .reduce((sum, cell) => sum + costOf(cell).flops, 0);
}

function stage(sentence: string, { rows, total, timeLeft }: Run): BenchmarkProgress {
  const secondsLeft = timeLeft.seconds();
  return {
    kind: 'stage',
    sentence,
    done: rows.length,
    total,
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
  };
}

async function* measureLength(cells: readonly Cell[], run: Run): AsyncGenerator<BenchmarkProgress, void, void> {
  const { plan, surroundings } = run;
  const kept = (cell: Cell) => run.rows.some((row) => isRowOf(row, cell));
  if (cells.every(kept)) return;
  const length = cells[0]!.length;
  const possible: Cell[] = [];
  for (const cell of cells) {
    const support = supportOf(cell);
    const failure = support.ok ? overLimit(cell, plan, surroundings.memoryLimit)?.failure : undefined;
    if (support.ok && !failure) possible.push(cell);
    else if (!kept(cell)) {
      const row = failure
        ? refusedRow(cell, 'memory', sentenceOf(failure))
        : refusedRow(cell, 'unsupported', whyOf(support));
      yield* finish(row, run);
    }
  }
  const baseline = possible.find((cell) => cell.mechanism.id === plan.baseline);
  const others = possible.filter((cell) => cell !== baseline && !kept(cell));
  const backwards = new Map<Cell, BackwardGraph>();
  if (plan.backward && plan.shape.mode !== 'decode') {
    for (const cell of baseline ? [baseline, ...others] : others) {
      backwards.set(cell, backwardGraph(cell, run, surroundings.memoryLimit - neededBytes(cell)));
    }
  }
  const needed = (cell: Cell): number => {
    const backward = backwards.get(cell);
    return neededBytes(cell) + (backward && 'graph' in backward ? backward.peakBytes : 0);
  };
  for (const group of groups(baseline, others, surroundings.memoryLimit, needed)) {
    if (run.signal.aborted) return;
    yield* measureGroup(group, length, kept, backwards, run);
  }
}

const whyOf = (support: ReturnType<typeof supportOf>): string => (support.ok ? '' : support.why);
const isRowOf = (row: BenchmarkRow, cell: Cell): boolean =>
  row.mechanism === cell.mechanism.id && row.length === cell.length;

async function* measureGroup(
  cells: readonly Cell[],
  length: number,
  kept: (cell: Cell) => boolean,
  backwards: ReadonlyMap<Cell, BackwardGraph>,
  run: Run,
): AsyncGenerator<BenchmarkProgress, void, void> {
  const { plan, signal } = run;
  const shared = sharedInputs(shapeAt(plan, length), plan.seed, plan.precision);
  const prepared: Passes[] = [];
  try {
    for (const cell of cells) {
      if (signal.aborted) return;
      yield stage(`Length ${length}: proving ${cell.mechanism.title}`, run);
      await nextTurn();
      const outcome = await prepare(cell, shared, run);
      if (isPrepared(outcome)) {
        const at = prepared.push(outcome) - 1;
        const graph = backwards.get(cell);
        if (!graph) continue;
        yield stage(`Length ${length}: proving the gradients of ${cell.mechanism.title}`, run);
        await nextTurn();
        prepared[at] = { ...outcome, backward: await prepareBackward(cell, graph, shared, run) };
      } else if (!kept(cell)) {
        const refusal = outcome.check ? 'wrong' : outcome.unsupported ? 'unsupported' : 'runtime';
        yield* finish(refusedRow(cell, refusal, outcome.reason, outcome.check), run);
      }
    }
    if (prepared.length === 0 || signal.aborted) return;
    yield* timeGroup(prepared, length, kept, run);
  } finally {
    for (const { release, backward } of prepared) {
      await release();
      if (backward && isBackwardPrepared(backward)) await backward.release();
    }
  }
}

async function* timeGroup(
  prepared: readonly Passes[],
  length: number,
  kept: (cell: Cell) => boolean,
  run: Run,
): AsyncGenerator<BenchmarkProgress, void, void> {
  const { plan, signal } = run;
  for (const kernel of run.own) await kernel.rest();
  const titles = prepared.map(({ cell }) => cell.mechanism.title).join(', ');
  const forward = prepared.map(({ cell, bound }) => ({ name: cell.mechanism.id, run: () => bound.run() }));
  const backward = prepared.flatMap(({ cell, backward }) =>
    backward && isBackwardPrepared(backward)
      ? [{ name: backwardName(cell.mechanism.id), run: () => backward.bound.run() }]
      : [],
  );
  const source = random(seedFor(plan.seed, `order.${length}`));
  const timing = interleave([...forward, ...backward], {
    baseline: plan.baseline,
    secondBaseline: backwardName(plan.baseline),
    seconds: plan.secondsPerLength,
    uniform: () => source.uniform(),
    signal,
  });
  const rowsOf = (
    series: readonly Series[],
    end?: TimingEnd,
    peaks?: ReadonlyMap<string, PeakMemory>,
    caches?: ReadonlyMap<string, CacheTimes>,
    busy?: boolean,
  ) => {
    const seriesOf = (name: string) => series.find((each) => each.name === name);
    const base = seriesOf(plan.baseline);
    return prepared
      .filter(({ cell }) => !kept(cell))
      .flatMap(({ cell, check, predictedMs, backward }) => {
        const { id } = cell.mechanism;
        const own = seriesOf(id);
        if (!own || own.times.size === 0) return [];
        const measured = {
          ...{ cell, check, series: own, baseline: base === own ? undefined : base, end, predictedMs },
          peak: peaks?.get(id),
          caches: caches?.get(id),
          backward: backward && backwardTimes(backward, id, plan.baseline, seriesOf),
          ...(busy ? { busy } : {}),
        };
        return [timedRow(measured, run.device)];
      });
  };

  const timed = run.watch?.timing();
  let series: readonly Series[] = [];
  let shown = -Infinity;
  let end: TimingEnd;
  for (;;) {
    const step = await timing.next();
    if (step.done) {
      end = step.value;
      break;
    }
    series = step.value;
    // Rank tests of a thousand pairs after each round would disturb what is timed; four a second are shown anyway.
    if (performance.now() - shown < 250) continue;
    shown = performance.now();
    yield stage(`Length ${length}: timing ${titles}`, run);
    for (const row of rowsOf(series)) yield { kind: 'row', row, final: false };
  }
  let caches: ReadonlyMap<string, CacheTimes> | undefined;
  if (plan.caches && run.device === 'cpu' && !signal.aborted) {
    yield stage(`Length ${length}: timing with cold caches`, run);
    const seconds = plan.secondsPerLength / 4;
    caches = await coldAndWarm(forward, { threads: run.threads, seconds, uniform: () => source.uniform(), signal });
  }
  const busy = timed?.();
  const peaks = new Map<string, PeakMemory>();
  if (plan.measureMemory && !signal.aborted) {
    for (const { cell } of prepared.filter((each) => !kept(each.cell))) {
      yield stage(`Length ${length}: measuring the memory of ${cell.mechanism.title}`, run);
      const peak = await peakOf(cell, run);
      if (peak) peaks.set(cell.mechanism.id, peak);
    }
  }
  for (const row of rowsOf(series, end, peaks, caches, busy)) {
    const { cell } = prepared.find((each) => isRowOf(row, each.cell))!;
    const changed = await prepared.find((each) => isRowOf(row, each.cell))!.changedSince?.();
    if (changed !== undefined) {
      yield* finish({ ...refusedRow(cell, 'wrong', changed), ...pickError(row) }, run);
      continue;
    }
    const why = await impossibleHere(row, cell, run);
    const right = why ? { ...refusedRow(cell, 'impossible', why), ...pickError(row) } : row;
    yield* finish(withoutImpossible(right, run.roof), run);
  }
}

const pickError = ({ maxError, tolerance }: BenchmarkRow) => ({
  ...(maxError === undefined ? {} : { maxError }),
  ...(tolerance === undefined ? {} : { tolerance }),
});

/** A time above the roof may also mean a roof measured while the machine was busy: it is measured again before a row goes. */
async function impossibleHere(row: BenchmarkRow, cell: Cell, run: Run): Promise<string | undefined> {
  if (!impossible(row, cell, run.roof) || run.signal.aborted) return undefined;
  if (!run.roofIsFresh) {
    run.roof = await measureAndKeep(run.device, run.threads, run.surroundings, run.signal).catch(() => run.roof);
    run.roofIsFresh = true;
  }
  return impossible(row, cell, run.roof);
}

async function peakOf(cell: Cell, run: Run): Promise<PeakMemory | undefined> {
  const { plan, surroundings, signal } = run;
  try {
    return await runInProcess(
      peakMemoryTask,
      {
        mechanism: cell.mechanism.id,
        parameters: cell.parameters,
        shape: cell.shape,
        decoding: cell.decoding,
        precision: plan.precision,
        seed: plan.seed,
        device: run.device,
        threads: run.threads,
        ...(isOwn(cell.mechanism.id) ? { handed: handedOf(cell, plan.precision) } : {}),
      },
      { entry: surroundings.entry, signal, timeout: 300_000 },
    );
  } catch (error) {
    // The row keeps its time and carries the prediction instead.
    const why = error instanceof FailureError ? sentenceOf(error.failure) : String(error);
    if (!signal.aborted) {
      const predicted = bytesInWords(neededBytes(cell));
      surroundings.log('warn', `memory of ${cell.mechanism.id} at ${cell.length} (about ${predicted}): ${why}`);
    }
    return undefined;
  }
}

async function* finish(row: BenchmarkRow, run: Run): AsyncGenerator<BenchmarkProgress, void, void> {
  run.rows.push(row);
  yield { kind: 'row', row, final: true };
  await nextTurn();
}

/** By length, then as the plan lists the mechanisms. */
const inSetupOrder = (rows: readonly BenchmarkRow[], order: readonly string[]): BenchmarkRow[] =>
  [...rows].sort((a, b) => a.length - b.length || order.indexOf(a.mechanism) - order.indexOf(b.mechanism));
