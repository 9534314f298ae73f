/** CAB's measures of a benchmark (arXiv:2210.07661): efficiency lengths by pattern, and the compositional index of scores. */
import type { AttentionPattern } from './attention-pattern';

/** A metric of a task with the score of each method. */
export interface Metric {
  readonly name: string;
  readonly better: 'higher' | 'lower';
  readonly scores: Readonly<Record<string, number>>;
  /** Mean over the methods that set the scale; absent: over the scores here (deviation over n). */
  readonly mean?: number;
  readonly deviation?: number;
}

export interface ScoredTask {
  readonly task: string;
  readonly pattern: AttentionPattern;
  readonly metrics: readonly Metric[];
}
