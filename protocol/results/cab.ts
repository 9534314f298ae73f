/** CAB's measures of a benchmark (arXiv:2210.07661): efficiency lengths by pattern, and the compositional index of scores. */
import type { AttentionPattern } from './attention-pattern';

/** Where the fit of the baseline, a n^2 + b n + c, meets that of the mechanism, d n + e, for the last time. */
export interface FittedLength {
  /** `always`: the mechanism is below the baseline at every length; `never`: beyond some length it stays above. */
  readonly length: number | 'always' | 'never';
  readonly r2Baseline: number;
  readonly r2Mechanism: number;
}

export interface EfficiencyLengths {
  readonly mechanism: string;
  readonly pattern: AttentionPattern;
  /** True, or the sentence that says why the mechanism does not run this pattern. */
  readonly supported: true | string;
  /** From the interquartile mean times. Absent where too few lengths were measured. */
  readonly time?: FittedLength;
  /** From the measured peaks. */
  readonly memory?: FittedLength;
  /** From the times that the calibration predicts, and from the peaks of the cost model. */
  readonly timeByModel?: FittedLength;
  readonly memoryByModel?: FittedLength;
}

/** A metric of a task with the score of each method. */
export interface Metric {
  readonly name: string;
  readonly better: 'higher' | 'lower';
  readonly scores: Readonly<Record<string, number>>;
  /** Of the methods that set the scale; absent: of the scores here (deviation over n). */
  readonly mean?: number;
  readonly deviation?: number;
}

export interface ScoredTask {
  readonly task: string;
  readonly pattern: AttentionPattern;
  readonly metrics: readonly Metric[];
}

export interface TaskIndex {
  readonly task: string;
  readonly pattern: AttentionPattern;
  /** Mean of the standardised scores over the metrics of the task; methods without a score in each are left out. */
  readonly scores: Readonly<Record<string, number>>;
}

export interface MethodIndex {
  readonly method: string;
  readonly pattern: AttentionPattern;
  /** The compositional index: mean over the tasks of the pattern. */
  readonly index: number;
  /** Above (+) or below (-) that of the baseline. */
  readonly delta?: number;
}

export interface CompositionalIndex {
  readonly baseline: string;
  readonly tasks: readonly TaskIndex[];
  readonly methods: readonly MethodIndex[];
  /** Pearson's correlation of the indices of two patterns over the methods that have both (three at least). */
  readonly correlations: readonly {
    readonly patterns: readonly [AttentionPattern, AttentionPattern];
    readonly methods: number;
    readonly r: number;
  }[];
}

export interface CabMeasures {
  readonly efficiency: readonly EfficiencyLengths[];
  readonly index?: CompositionalIndex;
}
