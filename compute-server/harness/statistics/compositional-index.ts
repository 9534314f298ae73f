/**
 * CAB's compositional index (arXiv:2210.07661, section 3.3; its repository's script).
 *
 * A metric x of a task is standardised over the methods, s = w (x - mu) / sigma with w = +1 where higher is better and -1 where
 * lower is; the scores of a task are averaged over its metrics, and the index of a method in a pattern is the mean over the
 * tasks of the pattern. delta is its distance from the index of the baseline, CAB's "vanilla".
 *
 * Decided here: mu and sigma are those that the metric gives (the script has them as constants of each pattern), else mean
 * and standard deviation (over n, not n - 1) of the methods that have a score; where sigma is 0 all methods are equal and the
 * metric gives 0. A method has an index in a pattern only when it has a score in every metric of every task of the pattern: a
 * mean over fewer tasks would reward leaving out the hard one.
 */
import { mean, sampleCorrelation, standardDeviation } from 'simple-statistics';
import { attentionPatterns, type AttentionPattern } from '../../../kernels/shape';
import type { Metric, ScoredTask } from '../../../protocol/results/cab';
import type { CompositionalIndex, MethodIndex, TaskIndex } from '../../../protocol/results/benchmark-schema';

export function compositionalIndex(tasks: readonly ScoredTask[], baseline: string): CompositionalIndex {
  const indices = tasks.map(taskIndex);
  const methods = attentionPatterns.flatMap((pattern) => methodIndices(indices, pattern, baseline));
  return { baseline, tasks: indices, methods, correlations: correlationsOf(methods) };
}

/** The standardised scores of one metric, by method. */
function standardised({ better, scores, mean: given, deviation }: Metric): ReadonlyMap<string, number> {
  const values = Object.values(scores);
  const mu = given ?? mean(values);
  const sigma = deviation ?? standardDeviation(values);
  const weight = better === 'higher' ? 1 : -1;
  return new Map(Object.entries(scores).map(([method, x]) => [method, sigma === 0 ? 0 : (weight * (x - mu)) / sigma]));
}

function taskIndex({ task, pattern, metrics }: ScoredTask): TaskIndex {
  const all = metrics.map(standardised);
  const whole = [...(all[0]?.keys() ?? [])].filter((method) => all.every((metric) => metric.has(method)));
  return {
    task,
    pattern,
    scores: Object.fromEntries(whole.map((method) => [method, mean(all.map((metric) => metric.get(method)!))])),
  };
}

function methodIndices(all: readonly TaskIndex[], pattern: AttentionPattern, baseline: string): MethodIndex[] {
  const tasks = all.filter((task) => task.pattern === pattern);
  const whole = Object.keys(tasks[0]?.scores ?? {}).filter((method) => tasks.every(({ scores }) => method in scores));
  const indexOf = (method: string): number => mean(tasks.map(({ scores }) => scores[method]!));
  return whole.map((method) => ({
    method,
    pattern,
    index: indexOf(method),
    ...(whole.includes(baseline) ? { delta: indexOf(method) - indexOf(baseline) } : {}),
  }));
}

/** Two points always lie on a line: three methods are needed. */
function correlationsOf(methods: readonly MethodIndex[]): CompositionalIndex['correlations'] {
  const of = (pattern: AttentionPattern) =>
    new Map(methods.filter((each) => each.pattern === pattern).map(({ method, index }) => [method, index]));
  return attentionPatterns.flatMap((first, at) =>
    attentionPatterns.slice(at + 1).flatMap((second) => {
      const [left, right] = [of(first), of(second)];
      const both = [...left.keys()].filter((method) => right.has(method));
      if (both.length < 3) return [];
      const r = sampleCorrelation(
        both.map((method) => left.get(method)!),
        both.map((method) => right.get(method)!),
      );
      return Number.isFinite(r) ? [{ patterns: [first, second] as const, methods: both.length, r }] : [];
    }),
  );
}
