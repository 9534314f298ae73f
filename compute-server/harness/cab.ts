/**
 * The benchmark CAB over the catalogue (arXiv:2210.07661): which of the four patterns each mechanism runs, and from which
 * length it pays in time and in memory.
 *
 * CAB measures n = 256 … 8192 at batch 4, width 512 and 8 heads; the lengths, the shape and the machine decide the number,
 * so it is given beside them. In the cross patterns the keys are as many as the queries, so that the baseline grows with
 * n^2 there too. Whether a pattern is supported is asked with unequal numbers of queries and keys (harness/describe.ts).
 */
import type { AttentionPattern } from '../../kernels/shape';
import type { MechanismInfo } from '../../protocol/compute/api';
import type {
  BenchmarkRow,
  BenchmarkResult,
  PatternRun,
  EfficiencyLengths,
  FittedLength,
  MachineState,
} from '../../protocol/results/benchmark-schema';
import { cabEfficiencyLength } from './statistics/efficiency-length';
import type { Curve } from './statistics/fits';

/**
 * The benchmark of the first pattern, which opens as any other, with the measures of all patterns; `patterns` were asked for.
 * At least one result.
 */
export function joinPatterns(
  results: readonly BenchmarkResult[],
  patterns: number,
  known: readonly Pick<MechanismInfo, 'id' | 'patterns'>[],
): BenchmarkResult & Required<Pick<BenchmarkResult, 'cab'>> {
  const [first, ...further] = results;
  if (!first) throw new RangeError('no pattern was measured');
  const runs = results.map(({ plan, rows }) => ({ pattern: plan.shape.pattern, rows }));
  return {
    ...first,
    cab: { efficiency: efficiencyLengths(runs, first.plan.baseline, known) },
    ...(further.length > 0 ? { furtherPatterns: runs.slice(1) } : {}),
    state: results.length === patterns ? (results.at(-1)?.state ?? 'done') : 'cancelled',
    ...machineOf(results),
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** The state of the machine in the pattern during which other processes used most. */
function machineOf(results: readonly BenchmarkResult[]): Pick<BenchmarkResult, 'machine'> {
  const machines = results.flatMap(({ machine }) => machine ?? []);
  const othersOf = ({ load: { before, during = before } }: MachineState): number => during.others;
  const [busiest] = machines.toSorted((a, b) => othersOf(b) - othersOf(a));
  if (busiest === undefined) return {};
  const beside = [...new Set(machines.flatMap(({ beside = [] }) => beside))];
  return { machine: { ...busiest, ...(beside.length > 0 ? { beside } : {}) } };
}

/** Every mechanism of the runs but the baseline, in every pattern that was run. */
export function efficiencyLengths(
  runs: readonly PatternRun[],
  baseline: string,
  known: readonly Pick<MechanismInfo, 'id' | 'patterns'>[],
): EfficiencyLengths[] {
  const named = new Set(runs.flatMap(({ rows }) => rows.map(({ mechanism }) => mechanism)));
  named.delete(baseline);
  return [...named].flatMap((mechanism) =>
    runs.map(({ pattern, rows }) => ({
      mechanism,
      pattern,
      supported: supportIn(mechanism, pattern, rows, known),
      ...lengthsOf(rows, baseline, mechanism),
    })),
  );
}

/** What the rows say, where one at least was refused or run; what the mechanism declares otherwise. */
function supportIn(
  mechanism: string,
  pattern: AttentionPattern,
  rows: readonly BenchmarkRow[],
  known: readonly Pick<MechanismInfo, 'id' | 'patterns'>[],
): true | string {
  const own = rows.filter((row) => row.mechanism === mechanism);
  const declared = known.find(({ id }) => id === mechanism)?.patterns[pattern] ?? true;
  if (own.length === 0 || own.some((row) => row.refusal !== 'unsupported')) return own.length === 0 ? declared : true;
  return own[0]?.reason ?? declared;
}

type Lengths = Pick<EfficiencyLengths, 'time' | 'memory' | 'timeByModel' | 'memoryByModel'>;

/** CAB leaves out the shortest length of the mechanism for time (starting a kernel bends it), not for memory. */
function lengthsOf(rows: readonly BenchmarkRow[], baseline: string, mechanism: string): Lengths {
  const fit = (value: (row: BenchmarkRow) => number | undefined, skipFirst: boolean): FittedLength | undefined => {
    const fitted = cabEfficiencyLength(curveOf(rows, baseline, value), curveOf(rows, mechanism, value), skipFirst);
    return fitted && { length: fitted.root, r2Baseline: fitted.baseline.r2, r2Mechanism: fitted.mechanism.r2 };
  };
  const found = {
    time: fit((row) => row.trimmedMs ?? row.medianMs, true),
    memory: fit((row) => row.peakBytes, false),
    timeByModel: fit((row) => row.predictedMs, true),
    memoryByModel: fit((row) => row.predictedPeakBytes, false),
  };
  return Object.fromEntries(Object.entries(found).filter(([, length]) => length !== undefined));
}

const curveOf = (
  rows: readonly BenchmarkRow[],
  mechanism: string,
  value: (row: BenchmarkRow) => number | undefined,
): Curve =>
  rows
    .flatMap((row) => {
      const y = row.mechanism === mechanism && row.ok ? value(row) : undefined;
      return y === undefined ? [] : [[row.length, y] as const];
    })
    .sort(([a], [b]) => a - b);
