/**
 * A benchmark as it is planned, streamed, saved and read back (`*.headscope-bench.json`), and printed
 * (`headscope bench --json`). Field names of rows, fits, crossover and roof are fixed: other tools read them.
 */
import type { Output, Schema } from '../schema/check';
import * as v from 'valibot';
import {
  type FieldsOutput,
  ensure,
  count,
  either,
  fieldsIn,
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  pair,
  record,
  text,
  texts,
  triple,
  trueOrWhy,
  whole,
} from '../schema/fields';
import { type ParameterValue, headOf, provenance, type Ratio } from '../schema/parts';

/** Rows of a table that is drawn in a moment, and the mechanisms and lengths that they may be of. */
const mostRows = 10_000;
const many = { most: 1000 };

const patterns = ['noncausal-self', 'causal-self', 'noncausal-cross', 'causal-cross'] as const;
export const pattern = oneOf(patterns);

export const modes = ['prefill', 'decode'] as const;

const shape = object({
  pattern,
  batch: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  valueDim: count,
  /** Absent: prefill. Decoding is causal self-attention; `lengths` are then those of the cache. */
  mode: optional(oneOf(modes)),
  /** Query lengths to measure, ascending. */
  lengths: list(count, 'a list of positive whole numbers', { least: 1, ...many }),
  /** Key length; absent: the same as the query length (in the cross patterns it is fixed while the queries grow). */
  keys: optional(count),
});
export type BenchmarkShape = Output<typeof shape>;

/** Values of a mechanism's parameters by their names. */
export const parametersOf = (number: Schema<number>): Schema<Readonly<Record<string, ParameterValue>>> =>
  record(v.union([number, text, flag], 'a number, a text, true or false'));

const ratioOf = (number: Schema<number>): Schema<Ratio> =>
  object({ median: number, low: number, high: number, p: number });

/** Where a figure is no number, JSON writes null: it is left out. `figures`: the schemas of the fields that are figures. */
function withoutNulls<F extends Readonly<Record<string, Schema<unknown>>>>(
  fields: F,
  figures: readonly Schema<unknown>[],
): Schema<FieldsOutput<F>> {
  const names = Object.keys(fields).filter((name) => figures.some((schema) => schema === fields[name]));
  const absent = ([name, value]: readonly [string, unknown]): boolean => value === null && names.includes(name);
  return v.pipe(
    v.unknown(),
    v.transform((value) => {
      const entries = Object.entries(fieldsIn(value));
      return entries.some(absent) ? Object.fromEntries(entries.filter((entry) => !absent(entry))) : value;
    }),
    object(fields),
  );
}

/**
 * A forward pass and the gradients of query, key and value from a seeded gradient of the output, as one run; timed in the same
 * rounds as the forward passes. Without a time `reason` says why.
 */
function backwardOf(number: Schema<number>) {
  const measured = optional(number);
  const ratio = optional(ratioOf(number));
  return withoutNulls(
    {
      /** One sentence. */
      reason: optional(text),
      medianMs: measured,
      /** Standard deviation over median of the samples. */
      relativeSd: measured,
      samples: measured,
      quartilesMs: optional(pair(number, number, 'a pair of numbers')),
      /** How many times longer than the forward pass alone: median over the pairs of the rounds. */
      overForward: measured,
      /** The baseline's forward and backward pass over the mechanism's. */
      ratioToBaseline: ratio,
      /** Bytes of tensors that are alive at once by the shapes of the graph; the memory is not measured. */
      predictedPeakBytes: measured,
      /** Operations in the products of the graph, two for each multiply-add. */
      flops: measured,
      gflops: measured,
      /**
       * Largest of three: |directional derivative by the runtime's gradient - central difference of the float64 reference| over the
       * gradient's root of the sum of squares, of query, key and value (compute-server/harness/gradient-check.ts).
       */
      maxError: measured,
      tolerance: measured,
      /** Query rows of each head on which the objective of the difference depends; absent: all. */
      checkedRows: measured,
      checkedLength: measured,
    },
    [measured, ratio],
  );
}
export type BackwardTimes = Output<ReturnType<typeof backwardOf>>;

/**
 * One run after a pass over more memory than the caches hold (cold) and the run right after it (warm): medians over pairs
 * (compute-server/harness/caches.ts). `medianMs` of the row is between: there other mechanisms run between two runs.
 */
const cacheTimesOf = (number: Schema<number>) =>
  object({
    coldMs: number,
    warmMs: number,
    /** Pairs. */
    samples: number,
  });
export type CacheTimes = Output<ReturnType<typeof cacheTimesOf>>;

/** `number`: of a file, or any that was measured. */
function rowOf(number: Schema<number>) {
  const measured = optional(number);
  const ratio = optional(ratioOf(number));
  return withoutNulls(
    {
      mechanism: text,
      length: count,
      ok: flag,
      /** One sentence, when not ok. */
      reason: optional(text),
      /** The kind of reason: `wrong` differs from its reference, `impossible` is a time above the roof. */
      refusal: optional(oneOf(['unsupported', 'memory', 'runtime', 'wrong', 'impossible'])),
      medianMs: measured,
      /** Standard deviation over median of the samples. */
      relativeSd: measured,
      samples: measured,
      /** Quartiles of the samples in milliseconds, for the spread bands. */
      quartilesMs: optional(pair(number, number, 'a pair of numbers')),
      /** Measured growth of the process's peak memory by the cell (inputs, session and run); see compute-server docs. */
      peakBytes: measured,
      /** What measured `peakBytes`: the kernel's high-water mark (Linux) or the largest resident set. */
      peakBy: optional(oneOf(['VmHWM', 'maxRSS'])),
      /** Peak by the cost model, for comparison and for cells not measured. */
      predictedPeakBytes: measured,
      flops: measured,
      bytes: measured,
      /** Time by the work of the graph and the calibration of the run, for comparison with `medianMs`. */
      predictedMs: measured,
      /** Mean of the times between the first and the third quartile, in milliseconds: CAB's time. */
      trimmedMs: measured,
      gflops: measured,
      bandwidthGBs: measured,
      /**
       * Largest |runtime - float64 reference| of the checked output row (one query of one head) that comes nearest to its
       * tolerance, or misses it most.
       */
      maxError: measured,
      /**
       * What rounding explains in that row: what moving the inputs by the relative error of the run's number formats changes in the
       * reference (kernels/tolerance.ts). A time is shown only where every row is within its own.
       */
      tolerance: measured,
      /** Query rows of each head that were compared with the reference (a seeded sample); absent: all. */
      checkedRows: measured,
      /** The length at which it was compared, when the reference of the row's own length takes too long. */
      checkedLength: measured,
      ratioToBaseline: ratio,
      /** Where the plan asks for it. */
      backward: optional(backwardOf(number)),
      caches: optional(cacheTimesOf(number)),
      /**
       * `predicted`: memory was not measured; `not-reset`: the system did not let VmHWM be reset before the cell, so that
       * `peakBytes` lacks what hides below an earlier mark of the process; `few-pairs`: fewer than six pairs with the
       * baseline, so that the ratio has no 95 % interval; `budget`: the time budget ended before the median settled; `cancelled`: stopped
       * while it was timed, measured again on resume; `transfers`: the times include moving inputs and output to the device;
       * `busy`: other processes used the machine while it was timed (`busyShare` in machine.ts), so that its time may be too long and
       * its interval too wide.
       */
      notes: optional(texts),
    },
    [measured, ratio],
  );
}
export type BenchmarkRow = Output<ReturnType<typeof rowOf>>;

export const rowsOf = (number: Schema<number>) => list(rowOf(number), 'a list of rows', { most: mostRows });

const rows = rowsOf(number);

/**
 * A kernel file: the name of its rows, which begins with `own:`, full paths of the file and of the workspace's folder, and the title
 * that it gives itself, where it is known.
 */
export const kernelOfWorkspace = object({ id: text, file: text, root: text, title: optional(text) });
export type KernelOfWorkspace = Output<typeof kernelOfWorkspace>;

/** `figureOfSetup`: a number of a plan that was run, or one that is being typed. */
export const setupOf = (shape: Schema<BenchmarkShape>, figureOfSetup: Schema<number>) =>
  object({
    mechanisms: list(text, 'a list of texts', many),
    /** The mechanism that others are compared with; measured too when it is not in `mechanisms`. */
    baseline: text,
    shape,
    /** CAB: patterns that are measured after the shape's own, with everything else alike. */
    furtherPatterns: optional(list(pattern, 'a list of patterns', { most: patterns.length })),
    /** Values by mechanism id, then parameter name; absent ones take the default of the table. */
    parameters: record(parametersOf(figureOfSetup)),
    device: text,
    /** 0: as many as the runtime chooses. */
    threads: figureOfSetup,
    precision: oneOf(['float32', 'float16']),
    seed: figureOfSetup,
    /**
     * Most seconds spent timing one length (all mechanisms together), warm-up excluded; up to three times as long where six
     * rounds, which the rank test needs, take longer.
     */
    secondsPerLength: figureOfSetup,
    /** Measure peak memory in a fresh process per cell. */
    measureMemory: flag,
    /** Time forward and backward passes beside forward passes (prefill only). */
    backward: optional(flag),
    /** Time runs with cold and with warm caches (on the cpu only). */
    caches: optional(flag),
    /** Kernel files of the workspace among the mechanisms. */
    kernels: optional(list(kernelOfWorkspace, 'a list of kernel files', many)),
    /** Rows already measured for the same plan: they are kept, not measured again (resume). */
    done: optional(rowsOf(figureOfSetup)),
    /** The model config that the shape was taken from, for display. */
    origin: optional(text),
  });
export type BenchmarkSetup = Output<ReturnType<typeof setupOf>>;

const fittedEnd = either(number, oneOf(['always', 'never']), 'a number, "always" or "never"');

/** Where the fit of the baseline, a n^2 + b n + c, meets that of the mechanism, d n + e, for the last time. */
const fitted = object({
  /** `always`: the mechanism is below the baseline at every length; `never`: beyond some length it stays above. */
  length: fittedEnd,
  r2Baseline: figure,
  r2Mechanism: figure,
});
export type FittedLength = Output<typeof fitted>;

/**
 * The length from which the mechanism is faster than the baseline, or null when none. The measurement decides; CAB's fitted
 * root refines it between two measured lengths (see compute-server/harness/statistics/efficiency-length.ts).
 */
const crossover = object({
  mechanism: text,
  efficiencyLength: orNull(number),
  /** Why it is null, or `always` when faster at every length. */
  note: optional(text),
  /** The shortest measured length from which it is faster at every measured length. */
  measured: optional(orNull(number)),
  /** CAB's efficiency length: where a n^2 + b n + c of the baseline meets d n + e of the mechanism (milliseconds). */
  fitted: optional(
    object({
      length: fittedEnd,
      baseline: triple(figure, 'three numbers'),
      mechanism: pair(figure, figure, 'a pair of numbers'),
      r2Baseline: figure,
      r2Mechanism: figure,
    }),
  ),
});
export type Crossover = Output<typeof crossover>;

/** GB/s of a pass over a small array, which a cache holds, and over a large one, which none does; GFLOP/s of products. */
const rate = object({ small: number, large: number });
export type RateBySize = Output<typeof rate>;

/**
 * Rates of this machine, measured at the start of a run, from which the time of a mechanism is predicted: what each is, is
 * said in compute-server/devices/calibration.ts.
 */
const calibration = object({
  /** GFLOP/s of matrix products at shapes of attention, of `smallFlops` and `largeFlops` a call. */
  products: rate,
  smallFlops: number,
  largeFlops: number,
  passes: object({
    softmax: rate,
    exponential: rate,
    elementwise: rate,
    copy: rate,
    reduction: rate,
    selection: rate,
  }),
  /** Bytes that the small and the large passes go over. */
  smallBytes: number,
  largeBytes: number,
  /** What calling an operator takes whose work the threads share, and one that only looks at its input. */
  callMicroseconds: number,
  viewMicroseconds: number,
  /** How long measuring took. */
  seconds: number,
});
export type Calibration = Output<typeof calibration>;

/** Load of a machine over some seconds. */
const load = object({
  /**
   * Share of the machine's processor time that other processes used, from 0 to 1: busy time (user, nice, system, interrupts) of
   * all its processors, as the system counts it (/proc/stat on Linux), less the processor time of the process that measures,
   * over seconds times processors.
   */
  others: number,
  /** Runnable processes, averaged over the last minute at the end of the interval (load average); absent on Windows. */
  average: optional(number),
  /** Length of the interval. */
  seconds: number,
});
export type MachineLoad = Output<typeof load>;

const machine = object({
  /** Logical processors of the machine, also where the process may not use all of them. */
  processors: count,
  load: object({
    /** Over a fifth of a second in which the process waits, right before it starts. */
    before: load,
    /** Over the time in which something was timed; absent where nothing was. */
    during: optional(load),
  }),
  /** Whether `during`, or `before` where nothing was timed, is a load of at least `busyShare`. */
  busy: flag,
  /** Other work of the same process that ran meanwhile, as "running an analysis"; absent where there was none. */
  beside: optional(texts),
});
export type MachineState = Output<typeof machine>;

const taskIndex = object({
  task: text,
  pattern,
  /** Mean of the standardised scores over the metrics of the task; methods without a score in each are left out. */
  scores: record(figure),
});
export type TaskIndex = Output<typeof taskIndex>;

const methodIndex = object({
  method: text,
  pattern,
  /** The compositional index: mean over the tasks of the pattern. */
  index: number,
  /** Above (+) or below (-) that of the baseline. */
  delta: optional(number),
});
export type MethodIndex = Output<typeof methodIndex>;

const compositionalIndex = object({
  baseline: text,
  tasks: list(taskIndex, 'a list', many),
  methods: list(methodIndex, 'a list', {
    most: mostRows,
  }),
  /** Pearson's correlation of the indices of two patterns over the methods that have both (three at least). */
  correlations: list(
    object({
      patterns: pair(pattern, pattern, 'a pair of patterns'),
      methods: whole,
      r: number,
    }),
    'a list',
    many,
  ),
});
export type CompositionalIndex = Output<typeof compositionalIndex>;

const efficiencyLengths = object({
  mechanism: text,
  pattern,
  /** True, or the sentence that says why the mechanism does not run this pattern. */
  supported: trueOrWhy,
  /** From the interquartile mean times. Absent where too few lengths were measured. */
  time: optional(fitted),
  /** From the measured peaks. */
  memory: optional(fitted),
  /** From the times that the calibration predicts, and from the peaks of the cost model. */
  timeByModel: optional(fitted),
  memoryByModel: optional(fitted),
});
export type EfficiencyLengths = Output<typeof efficiencyLengths>;

const cab = object({
  efficiency: list(efficiencyLengths, 'a list', { most: mostRows }),
  index: optional(compositionalIndex),
});
export type CabMeasures = Output<typeof cab>;

const cellsOf = ({ mechanisms, shape: { lengths } }: BenchmarkSetup): number => mechanisms.length * lengths.length;

/** Least squares of log time over log length: time ~ length^exponent. */
const exponentFit = object({ mechanism: text, exponent: number, r2: figure });
export type ExponentFit = Output<typeof exponentFit>;

/** Ceilings measured on this device. */
const roof = object({
  peakGflops: number,
  peakBandwidthGBs: number,
  /** When each was measured, as ISO time; `measured` is the older. Absent in results of before 2026-11-25. */
  gflopsMeasured: optional(text),
  bandwidthMeasured: optional(text),
  measured: text,
});
export type Roof = Output<typeof roof>;

const patternRun = object({ pattern, rows });
export type PatternRun = Output<typeof patternRun>;

export const savedBenchmark = object(
  {
    ...headOf('headscope-bench', 'saved benchmark'),
    ...provenance,
    plan: ensure(setupOf(shape, number), (plan) => cellsOf(plan) <= mostRows, `a plan of at most ${mostRows} rows`),
    /** Where kernel files took part: what the inputs were drawn from, which no file could know, and which texts ran. */
    inputSeed: optional(number),
    kernelFiles: optional(list(object({ id: text, title: text, sha256: text }), 'a list of kernel files', many)),
    rows,
    fits: list(exponentFit, 'a list', { most: mostRows }),
    crossover: list(crossover, 'a list', { most: mostRows }),
    roof: roof,
    /** Absent in results of before 2026-11-24, of other devices than the cpu, and when it could not be measured. */
    calibration: optional(calibration),
    /** CAB's measures: of the plan's own pattern, or of several (`headscope cab`). */
    cab: optional(cab),
    /** The rows of further patterns that `headscope cab` measured with the same plan; `rows` are those of the plan's own. */
    furtherPatterns: optional(list(patternRun, 'a list', { most: patterns.length })),
    /** How busy the machine was; absent in results of before 2026-12, and where the system does not say. */
    machine: optional(machine),
    /** A table that was stopped is never taken for a whole one. */
    state: oneOf(['done', 'cancelled', 'failed']),
    seconds: number,
  },
  'a JSON object',
);
export type BenchmarkResult = Output<typeof savedBenchmark>;
