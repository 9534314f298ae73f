/** A cell opened on the device and proved: what the timing runs. */
import type { Graph } from '../../kernels/graph/graph';
import { GraphError } from '../../kernels/graph/records';
import { workOf } from '../../kernels/graph/work';
import type { Precision } from '../../kernels/shape';
import { lacksOperator, missingOperator } from '../devices/missing-operators';
import type { SelfTest } from '../../protocol/compute/api';
import { openSession, type BoundRun, type DeviceId } from '../runtime/session';
import { cellAt, graphOf, supportOf, type Cell } from './cell';
import { isOwn } from './catalogue';
import { KernelFault } from '../own-kernels/kernel-link';
import { differsFrom } from '../own-kernels/guarded-run';
import { canBeChecked, check, type Check } from './correctness';
import { feedsOf, inputsOf, sharedInputs, type SharedInputs } from './inputs';
import type { BenchmarkSetup, Calibration } from '../../protocol/results/benchmark-schema';
import { predictedMs } from './statistics/predicted-time';

export interface Prepared {
  readonly cell: Cell;
  readonly check: Check;
  readonly bound: BoundRun;
  /** By the calibration of the run; absent without one, and where the graph's work cannot be read off its file. */
  readonly predictedMs?: number;
  /** Of a kernel file: one more run after the timing; a sentence where it shows something else than the proof. */
  readonly changedSince?: () => Promise<string | undefined>;
  readonly release: () => Promise<void>;
}

/** The cell could not be opened or is wrong: a sentence, and the error where one was measured. */
export interface Refused {
  readonly cell: Cell;
  readonly reason: string;
  readonly check?: Check;
  /** The device lacks an operator: nothing went wrong. */
  readonly unsupported?: true;
}

export const isPrepared = (outcome: Prepared | Refused): outcome is Prepared => 'bound' in outcome;

export interface PrepareSettings {
  readonly plan: BenchmarkSetup;
  readonly device: DeviceId;
  readonly threads: number;
  readonly calibration?: Calibration | undefined;
  /** Absent for the cpu. */
  readonly selfTest?: SelfTest | undefined;
}

export async function prepare(
  cell: Cell,
  shared: SharedInputs,
  settings: PrepareSettings,
): Promise<Prepared | Refused> {
  try {
    const graph = graphOf(cell, settings.plan.precision, settings.device);
    const missing = settings.selfTest && missingOperator(graph, settings.selfTest);
    if (missing !== undefined) return { cell, reason: missing, unsupported: true };
    if (isOwn(cell.mechanism.id) && !canBeChecked(cell)) {
      return {
        cell,
        reason: 'Its reference takes too long at this length. Give it referenceRows, or choose a shorter length.',
      };
    }
    const { session, bound, checked, changedSince } = await openAndCheck(cell, graph, shared, settings);
    if (!checked.ok) {
      await session.release();
      return { cell, reason: checked.reason!, check: checked };
    }
    const predicted = settings.calibration && predictionOf(graph, settings.calibration);
    return {
      cell,
      check: checked,
      bound,
      ...(isOwn(cell.mechanism.id) ? { changedSince } : {}),
      ...(predicted === undefined ? {} : { predictedMs: predicted }),
      release: () => session.release(),
    };
  } catch (error) {
    if (lacksOperator(error)) {
      return {
        cell,
        reason: 'An operator of its graph is not available on this device for these types.',
        unsupported: true,
      };
    }
    if (error instanceof KernelFault) return { cell, reason: error.message };
    return { cell, reason: `onnxruntime could not run it: ${firstLine(error)}` };
  }
}

async function openAndCheck(
  cell: Cell,
  graph: Graph,
  shared: SharedInputs,
  { plan, device, threads }: PrepareSettings,
) {
  const precision: Precision = plan.precision;
  const inputs = inputsOf(cell, shared, plan.seed, precision);
  const session = await openSession(graph, { device, threads });
  try {
    const feeds = feedsOf(cell, inputs, plan.seed, precision);
    const bound = session.bind(feeds);
    const { output } = await bound.run();
    const first = isOwn(cell.mechanism.id) ? output!.data.slice() : undefined;
    const checked = canBeChecked(cell)
      ? check(cell, inputs, output!, plan.seed, precision, device)
      : await checkShorter(cell, { plan, device, threads });
    const changedSince = async (): Promise<string | undefined> =>
      first && differsFrom(bound, first, feeds, feedsOf(cell, inputs, plan.seed, precision));
    return { session, bound, checked, changedSince };
  } catch (error) {
    await session.release();
    throw error;
  }
}

function predictionOf(graph: Graph, calibration: Calibration): number | undefined {
  try {
    return predictedMs(workOf(graph.model), calibration);
  } catch (error) {
    if (error instanceof GraphError) return undefined;
    throw error;
  }
}

/** The cell at the longest half, quarter, … of its length whose reference is affordable. */
export function shorterCell(cell: Cell, plan: BenchmarkSetup, canBeChecked: (cell: Cell) => boolean): Cell {
  let length = cell.length;
  let shorter: Cell;
  do {
    length = Math.floor(length / 2);
    shorter = cellAt(cell.mechanism, plan, length);
  } while (length > 1 && !(canBeChecked(shorter) && supportOf(shorter).ok));
  return shorter;
}

/** Checks the cell whole at a shorter length. */
async function checkShorter(cell: Cell, settings: PrepareSettings): Promise<Check> {
  const { plan } = settings;
  const shorter = shorterCell(cell, plan, (each) => canBeChecked(each));
  const { session, checked } = await openAndCheck(
    shorter,
    graphOf(shorter, plan.precision, settings.device),
    sharedInputs(shorter.shape, plan.seed, plan.precision),
    settings,
  );
  await session.release();
  return { ...checked, checkedLength: shorter.length };
}

/** The first line of what the runtime says went wrong, as a sentence. */
export const firstLine = (error: unknown): string => {
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 400);
  return /[.!?]$/.test(line) ? line : `${line}.`;
};
