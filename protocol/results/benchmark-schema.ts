/** A saved benchmark, `*.headscope-bench.json`, as it is read back; its plan and rows also cross between processes. */
import * as v from 'valibot';
import type { Schema } from '../schema/check';
import {
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
import { headOf, provenance, type Ratio } from '../schema/parts';
import type {
  BackwardTimes,
  BenchmarkSetup,
  BenchmarkResult,
  BenchmarkRow,
  BenchmarkShape,
  CacheTimes,
  Calibration,
  Crossover,
  ExponentFit,
  ParameterValue,
  PatternRun,
  RateBySize,
  Roof,
} from './benchmark';
import type { MachineLoad, MachineState } from './machine';
import type { CabMeasures, CompositionalIndex, EfficiencyLengths, FittedLength, MethodIndex, TaskIndex } from './cab';

/** Rows of a table that is drawn in a moment, and the mechanisms and lengths that they may be of. */
const mostRows = 10_000;
const many = { most: 1000 };

const patterns = ['noncausal-self', 'causal-self', 'noncausal-cross', 'causal-cross'] as const;
export const pattern = oneOf(patterns);

export const modes = ['prefill', 'decode'] as const;

const shape = object<BenchmarkShape>({
  pattern,
  batch: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  valueDim: count,
  mode: optional(oneOf(modes)),
  lengths: list(count, 'a list of positive whole numbers', { least: 1, ...many }),
  keys: optional(count),
});

/** Values of a mechanism's parameters by their names. */
export const parametersOf = (number: Schema<number>): Schema<Readonly<Record<string, ParameterValue>>> =>
  record(v.union([number, text, flag], 'a number, a text, true or false'));

/** What a row leaves out where there is no number, or where it was one that JSON cannot write: that is null in the file. */
const figures = [
  'medianMs',
  'relativeSd',
  'samples',
  'peakBytes',
  'predictedPeakBytes',
  'flops',
  'bytes',
  'predictedMs',
  'trimmedMs',
  'gflops',
  'bandwidthGBs',
  'maxError',
  'tolerance',
  'checkedRows',
  'checkedLength',
  'ratioToBaseline',
] as const satisfies readonly (keyof BenchmarkRow)[];

const backwardFigures = [
  'medianMs',
  'relativeSd',
  'samples',
  'overForward',
  'predictedPeakBytes',
  'flops',
  'gflops',
  'maxError',
  'tolerance',
  'checkedRows',
  'checkedLength',
  'ratioToBaseline',
] as const satisfies readonly (keyof BackwardTimes)[];

const without =
  (figures: readonly string[]) =>
  (value: unknown): unknown => {
    const entries = Object.entries(fieldsIn(value));
    const absent = ([key, one]: readonly [string, unknown]) => one === null && figures.includes(key);
    return entries.some(absent) ? Object.fromEntries(entries.filter((entry) => !absent(entry))) : value;
  };

const ratioOf = (number: Schema<number>): Schema<Ratio> =>
  object<Ratio>({ median: number, low: number, high: number, p: number });

function backwardOf(number: Schema<number>): Schema<BackwardTimes> {
  const measured = optional(number);
  return v.pipe(
    v.unknown(),
    v.transform(without(backwardFigures)),
    object<BackwardTimes>({
      reason: optional(text),
      medianMs: measured,
      relativeSd: measured,
      samples: measured,
      quartilesMs: optional(pair(number, number, 'a pair of numbers')),
      overForward: measured,
      ratioToBaseline: optional(ratioOf(number)),
      predictedPeakBytes: measured,
      flops: measured,
      gflops: measured,
      maxError: measured,
      tolerance: measured,
      checkedRows: measured,
      checkedLength: measured,
    }),
  );
}

/** `number`: of a file, or any that was measured. */
function rowOf(number: Schema<number>): Schema<BenchmarkRow> {
  const measured = optional(number);
  return v.pipe(
    v.unknown(),
    v.transform(without(figures)),
    object<BenchmarkRow>({
      mechanism: text,
      length: count,
      ok: flag,
      reason: optional(text),
      refusal: optional(oneOf(['unsupported', 'memory', 'runtime', 'wrong', 'impossible'])),
      medianMs: measured,
      relativeSd: measured,
      samples: measured,
      quartilesMs: optional(pair(number, number, 'a pair of numbers')),
      peakBytes: measured,
      peakBy: optional(oneOf(['VmHWM', 'maxRSS'])),
      predictedPeakBytes: measured,
      flops: measured,
      bytes: measured,
      predictedMs: measured,
      trimmedMs: measured,
      gflops: measured,
      bandwidthGBs: measured,
      maxError: measured,
      tolerance: measured,
      checkedRows: measured,
      checkedLength: measured,
      ratioToBaseline: optional(ratioOf(number)),
      backward: optional(backwardOf(number)),
      caches: optional(object<CacheTimes>({ coldMs: number, warmMs: number, samples: number })),
      notes: optional(texts),
    }),
  );
}

export const rowsOf = (number: Schema<number>): Schema<readonly BenchmarkRow[]> =>
  list(rowOf(number), 'a list of rows', { most: mostRows });

const rows = rowsOf(number);

/** `figureOfSetup`: a number of a plan that was run, or one that is being typed. */
export const setupOf = (shape: Schema<BenchmarkShape>, figureOfSetup: Schema<number>): Schema<BenchmarkSetup> =>
  object<BenchmarkSetup>({
    mechanisms: list(text, 'a list of texts', many),
    baseline: text,
    shape,
    furtherPatterns: optional(list(pattern, 'a list of patterns', { most: patterns.length })),
    parameters: record(parametersOf(figureOfSetup)),
    device: text,
    threads: figureOfSetup,
    precision: oneOf(['float32', 'float16']),
    seed: figureOfSetup,
    secondsPerLength: figureOfSetup,
    measureMemory: flag,
    backward: optional(flag),
    caches: optional(flag),
    done: optional(rowsOf(figureOfSetup)),
    origin: optional(text),
  });

const fittedEnd = either(number, oneOf(['always', 'never']), 'a number, "always" or "never"');

const fitted = object<FittedLength>({ length: fittedEnd, r2Baseline: figure, r2Mechanism: figure });

const crossover = object<Crossover>({
  mechanism: text,
  efficiencyLength: orNull(number),
  note: optional(text),
  measured: optional(orNull(number)),
  fitted: optional(
    object<NonNullable<Crossover['fitted']>>({
      length: fittedEnd,
      baseline: triple(figure, 'three numbers'),
      mechanism: pair(figure, figure, 'a pair of numbers'),
      r2Baseline: figure,
      r2Mechanism: figure,
    }),
  ),
});

const rate = object<RateBySize>({ small: number, large: number });

const calibration = object<Calibration>({
  products: rate,
  smallFlops: number,
  largeFlops: number,
  passes: object<Calibration['passes']>({
    softmax: rate,
    exponential: rate,
    elementwise: rate,
    copy: rate,
    reduction: rate,
    selection: rate,
  }),
  smallBytes: number,
  largeBytes: number,
  callMicroseconds: number,
  viewMicroseconds: number,
  seconds: number,
});

const load = object<MachineLoad>({ others: number, average: optional(number), seconds: number });

const machine = object<MachineState>({
  processors: count,
  load: object<MachineState['load']>({ before: load, during: optional(load) }),
  busy: flag,
  beside: optional(texts),
});

const compositionalIndex = object<CompositionalIndex>({
  baseline: text,
  tasks: list(object<TaskIndex>({ task: text, pattern, scores: record(figure) }), 'a list', many),
  methods: list(object<MethodIndex>({ method: text, pattern, index: number, delta: optional(number) }), 'a list', {
    most: mostRows,
  }),
  correlations: list(
    object<CompositionalIndex['correlations'][number]>({
      patterns: pair(pattern, pattern, 'a pair of patterns'),
      methods: whole,
      r: number,
    }),
    'a list',
    many,
  ),
});

const cab = object<CabMeasures>({
  efficiency: list(
    object<EfficiencyLengths>({
      mechanism: text,
      pattern,
      supported: trueOrWhy,
      time: optional(fitted),
      memory: optional(fitted),
      timeByModel: optional(fitted),
      memoryByModel: optional(fitted),
    }),
    'a list',
    { most: mostRows },
  ),
  index: optional(compositionalIndex),
});

const cellsOf = ({ mechanisms, shape: { lengths } }: BenchmarkSetup): number => mechanisms.length * lengths.length;

export const savedBenchmark: Schema<BenchmarkResult> = object<BenchmarkResult>(
  {
    ...headOf('headscope-bench', 'saved benchmark'),
    ...provenance,
    plan: v.pipe(
      setupOf(shape, number),
      v.check((plan) => cellsOf(plan) <= mostRows, `a plan of at most ${mostRows} rows`),
    ),
    rows,
    fits: list(object<ExponentFit>({ mechanism: text, exponent: number, r2: figure }), 'a list', { most: mostRows }),
    crossover: list(crossover, 'a list', { most: mostRows }),
    roof: object<Roof>({
      peakGflops: number,
      peakBandwidthGBs: number,
      gflopsMeasured: optional(text),
      bandwidthMeasured: optional(text),
      measured: text,
    }),
    calibration: optional(calibration),
    cab: optional(cab),
    furtherPatterns: optional(list(object<PatternRun>({ pattern, rows }), 'a list', { most: patterns.length })),
    machine: optional(machine),
    state: oneOf(['done', 'cancelled', 'failed']),
    seconds: number,
  },
  'a JSON object',
);
