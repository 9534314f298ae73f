/**
 * A benchmark as it is planned, streamed, saved (`*.headscope-bench.json`) and printed (`headscope bench --json`).
 * Field names of rows, fits, crossover and roof are fixed: other tools read them.
 */
import type { Ratio, Provenance } from '../schema/parts';
import type { AttentionPattern } from './attention-pattern';
import type { CabMeasures } from './cab';
import type { MachineState } from './machine';

export type { AttentionPattern };
export type Precision = 'float32' | 'float16';
export type ParameterValue = number | string | boolean;

/** `prefill`: n queries read n keys. `decode`: one new query reads a cache of n keys and its own. */
export type BenchmarkMode = 'prefill' | 'decode';

export interface BenchmarkShape {
  readonly pattern: AttentionPattern;
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  /** Absent: prefill. Decoding is causal self-attention; `lengths` are then those of the cache. */
  readonly mode?: BenchmarkMode;
  /** Query lengths to measure, ascending. */
  readonly lengths: readonly number[];
  /** Key length; absent: the same as the query length (in the cross patterns it is fixed while the queries grow). */
  readonly keys?: number;
}

export interface BenchmarkSetup {
  readonly mechanisms: readonly string[];
  /** The mechanism that others are compared with; measured too when it is not in `mechanisms`. */
  readonly baseline: string;
  readonly shape: BenchmarkShape;
  /** CAB: patterns that are measured after the shape's own, with everything else alike. */
  readonly furtherPatterns?: readonly AttentionPattern[];
  /** Values by mechanism id, then parameter name; absent ones take the default of the table. */
  readonly parameters: Readonly<Record<string, Readonly<Record<string, ParameterValue>>>>;
  readonly device: string;
  /** 0: as many as the runtime chooses. */
  readonly threads: number;
  readonly precision: Precision;
  readonly seed: number;
  /**
   * Most seconds spent timing one length (all mechanisms together), warm-up excluded; up to three times as long where six
   * rounds, which the rank test needs, take longer.
   */
  readonly secondsPerLength: number;
  /** Measure peak memory in a fresh process per cell. */
  readonly measureMemory: boolean;
  /** Time forward and backward passes beside forward passes (prefill only). */
  readonly backward?: boolean;
  /** Time runs with cold and with warm caches (on the cpu only). */
  readonly caches?: boolean;
  /** Rows already measured for the same plan: they are kept, not measured again (resume). */
  readonly done?: readonly BenchmarkRow[];
  /** The model config that the shape was taken from, for display. */
  readonly origin?: string;
}

/**
 * A forward pass and the gradients of query, key and value from a seeded gradient of the output, as one run; timed in the same
 * rounds as the forward passes. Without a time `reason` says why.
 */
export interface BackwardTimes {
  /** One sentence. */
  readonly reason?: string;
  readonly medianMs?: number;
  /** Standard deviation over median of the samples. */
  readonly relativeSd?: number;
  readonly samples?: number;
  readonly quartilesMs?: readonly [number, number];
  /** How many times longer than the forward pass alone: median over the pairs of the rounds. */
  readonly overForward?: number;
  /** The baseline's forward and backward pass over the mechanism's. */
  readonly ratioToBaseline?: Ratio;
  /** Of tensors alive at once by the shapes of the graph; the memory is not measured. */
  readonly predictedPeakBytes?: number;
  /** Of the products of the graph, two for each multiply-add. */
  readonly flops?: number;
  readonly gflops?: number;
  /**
   * Largest of three: |directional derivative by the runtime's gradient - central difference of the float64 reference| over the
   * gradient's root of the sum of squares, of query, key and value (compute-server/harness/gradient-check.ts).
   */
  readonly maxError?: number;
  readonly tolerance?: number;
  /** Query rows of each head on which the objective of the difference depends; absent: all. */
  readonly checkedRows?: number;
  readonly checkedLength?: number;
}

/**
 * One run after a pass over more memory than the caches hold (cold) and the run right after it (warm): medians over pairs
 * (compute-server/harness/caches.ts). `medianMs` of the row is between: there other mechanisms run between two runs.
 */
export interface CacheTimes {
  readonly coldMs: number;
  readonly warmMs: number;
  /** Pairs. */
  readonly samples: number;
}

export interface BenchmarkRow {
  readonly mechanism: string;
  readonly length: number;
  readonly ok: boolean;
  /** One sentence, when not ok. */
  readonly reason?: string;
  /** The kind of reason: `wrong` differs from its reference, `impossible` is a time above the roof. */
  readonly refusal?: 'unsupported' | 'memory' | 'runtime' | 'wrong' | 'impossible';
  readonly medianMs?: number;
  /** Standard deviation over median of the samples. */
  readonly relativeSd?: number;
  readonly samples?: number;
  /** Quartiles of the samples in milliseconds, for the spread bands. */
  readonly quartilesMs?: readonly [number, number];
  /** Measured growth of the process's peak memory by the cell (inputs, session and run); see compute-server docs. */
  readonly peakBytes?: number;
  /** What measured `peakBytes`: the kernel's high-water mark (Linux) or the largest resident set. */
  readonly peakBy?: 'VmHWM' | 'maxRSS';
  /** Peak by the cost model, for comparison and for cells not measured. */
  readonly predictedPeakBytes?: number;
  readonly flops?: number;
  readonly bytes?: number;
  /** Time by the work of the graph and the calibration of the run, for comparison with `medianMs`. */
  readonly predictedMs?: number;
  /** Mean of the times between the first and the third quartile, in milliseconds: CAB's time. */
  readonly trimmedMs?: number;
  readonly gflops?: number;
  readonly bandwidthGBs?: number;
  /**
   * Of the checked output rows (one query of one head) the one that comes nearest to its tolerance, or misses it most: its
   * largest |runtime - float64 reference|.
   */
  readonly maxError?: number;
  /**
   * What rounding explains in that row: what moving the inputs by the relative error of the run's number formats changes in the
   * reference (kernels/tolerance.ts). A time is shown only where every row is within its own.
   */
  readonly tolerance?: number;
  /** Query rows of each head that were compared with the reference (a seeded sample); absent: all. */
  readonly checkedRows?: number;
  /** The length at which it was compared, when the reference of the row's own length takes too long. */
  readonly checkedLength?: number;
  readonly ratioToBaseline?: Ratio;
  /** Where the plan asks for it. */
  readonly backward?: BackwardTimes;
  readonly caches?: CacheTimes;
  /**
   * `predicted`: memory was not measured; `not-reset`: the system did not let VmHWM be reset before the cell, so that
   * `peakBytes` lacks what hides below an earlier mark of the process; `few-pairs`: fewer than six pairs with the
   * baseline, so that the ratio has no 95 % interval; `budget`: the time budget ended before the median settled; `cancelled`: stopped
   * while it was timed, measured again on resume; `transfers`: the times include moving inputs and output to the device;
   * `busy`: other processes used the machine while it was timed (`busyShare` in machine.ts), so that its time may be too long and
   * its interval too wide.
   */
  readonly notes?: readonly string[];
}

/**
 * Whether a resumed run keeps a row of an earlier one. What was stopped while it was timed is measured again; so is what was
 * refused for memory or by the runtime, since the limit, the free memory and the device may have changed.
 */
export const keptOnResume = ({ notes, refusal }: BenchmarkRow): boolean =>
  !notes?.includes('cancelled') && refusal !== 'memory' && refusal !== 'runtime';

/** Least squares of log time over log length: time ~ length^exponent. */
export interface ExponentFit {
  readonly mechanism: string;
  readonly exponent: number;
  readonly r2: number;
}

/**
 * The length from which the mechanism is faster than the baseline, or null when none. The measurement decides; CAB's fitted
 * root refines it between two measured lengths (see compute-server/harness/statistics/efficiency-length.ts).
 */
export interface Crossover {
  readonly mechanism: string;
  readonly efficiencyLength: number | null;
  /** Why it is null, or `always` when faster at every length. */
  readonly note?: string;
  /** The shortest measured length from which it is faster at every measured length. */
  readonly measured?: number | null;
  /** CAB's efficiency length: where a n^2 + b n + c of the baseline meets d n + e of the mechanism (milliseconds). */
  readonly fitted?: {
    readonly length: number | 'always' | 'never';
    readonly baseline: readonly [a: number, b: number, c: number];
    readonly mechanism: readonly [d: number, e: number];
    readonly r2Baseline: number;
    readonly r2Mechanism: number;
  };
}

/** Ceilings measured on this device. */
export interface Roof {
  readonly peakGflops: number;
  readonly peakBandwidthGBs: number;
  /** When each was measured, as ISO time; `measured` is the older. Absent in results of before 2026-11-25. */
  readonly gflopsMeasured?: string;
  readonly bandwidthMeasured?: string;
  readonly measured: string;
}

/** GB/s of a pass over a small array, which a cache holds, and over a large one, which none does; GFLOP/s of products. */
export interface RateBySize {
  readonly small: number;
  readonly large: number;
}

/**
 * Rates of this machine, measured at the start of a run, from which the time of a mechanism is predicted: what each is, is
 * said in compute-server/devices/calibration.ts.
 */
export interface Calibration {
  /** GFLOP/s of matrix products at shapes of attention, of `smallFlops` and `largeFlops` a call. */
  readonly products: RateBySize;
  readonly smallFlops: number;
  readonly largeFlops: number;
  readonly passes: Readonly<
    Record<'softmax' | 'exponential' | 'elementwise' | 'copy' | 'reduction' | 'selection', RateBySize>
  >;
  /** Bytes that the small and the large passes go over. */
  readonly smallBytes: number;
  readonly largeBytes: number;
  /** What calling an operator takes whose work the threads share, and one that only looks at its input. */
  readonly callMicroseconds: number;
  readonly viewMicroseconds: number;
  /** How long measuring took. */
  readonly seconds: number;
}

export interface PatternRun {
  readonly pattern: AttentionPattern;
  readonly rows: readonly BenchmarkRow[];
}

export interface BenchmarkResult extends Provenance {
  readonly kind: 'headscope-bench';
  readonly version: 1;
  readonly plan: BenchmarkSetup;
  readonly rows: readonly BenchmarkRow[];
  readonly fits: readonly ExponentFit[];
  readonly crossover: readonly Crossover[];
  readonly roof: Roof;
  /** Absent in results of before 2026-11-24, of other devices than the cpu, and when it could not be measured. */
  readonly calibration?: Calibration;
  /** CAB's measures: of the plan's own pattern, or of several (`headscope cab`). */
  readonly cab?: CabMeasures;
  /** The rows of further patterns that `headscope cab` measured with the same plan; `rows` are those of the plan's own. */
  readonly furtherPatterns?: readonly PatternRun[];
  /** How busy the machine was; absent in results of before 2026-12, and where the system does not say. */
  readonly machine?: MachineState;
  /** A table that was stopped is never taken for a whole one. */
  readonly state: 'done' | 'cancelled' | 'failed';
  readonly seconds: number;
}
