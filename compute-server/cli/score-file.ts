/** The person's own scores of tasks (README, "Scores for the compositional index"), as `headscope cab --scores` reads them. */
import { attentionPatterns, type AttentionPattern } from '../../kernels/shape';
import type { Metric, ScoredTask } from '../../protocol/results/cab';
import { wrongUsage } from './exit-codes';
import { jsonFile } from './text-files';

const form =
  'Write {"tasks": [{"task": "copy", "pattern": "causal-self", "metrics": [{"name": "loss", "better": "lower", "scores": {"fused": 1.2, "linear": 1.9}}]}]}.';

export const readScores = async (path: string): Promise<ScoredTask[]> => scoresFrom(await jsonFile(path), path);

export function scoresFrom(value: unknown, path: string): ScoredTask[] {
  const wrong = (what: string): Error => wrongUsage(`${path}: ${what}. ${form}`);
  const tasks = table(value)?.['tasks'];
  if (!Array.isArray(tasks) || tasks.length === 0) throw wrong('it has no list of tasks');
  const read = tasks.map((each, at) => taskFrom(each, `task ${at + 1}`, wrong));
  const names = read.map(({ task, pattern }) => `${task} (${pattern})`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw wrong(`the task ${twice} is listed twice`);
  return read;
}

type Wrong = (what: string) => Error;
type Table = Readonly<Record<string, unknown>>;

const table = (value: unknown): Table | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : undefined;

function taskFrom(value: unknown, place: string, wrong: Wrong): ScoredTask {
  const { task, pattern, metrics } = table(value) ?? {};
  if (typeof task !== 'string' || task === '') throw wrong(`${place} has no name "task"`);
  if (!attentionPatterns.includes(pattern as AttentionPattern)) {
    throw wrong(`the pattern of "${task}" is none of ${attentionPatterns.join(', ')}`);
  }
  if (!Array.isArray(metrics) || metrics.length === 0) throw wrong(`"${task}" has no list of metrics`);
  const read = metrics.map((metric, at) => metricFrom(metric, `metric ${at + 1} of "${task}"`, wrong));
  return { task, pattern: pattern as AttentionPattern, metrics: read };
}

function metricFrom(value: unknown, place: string, wrong: Wrong): Metric {
  const { name, better, scores, mean, deviation } = table(value) ?? {};
  if (typeof name !== 'string' || name === '') throw wrong(`${place} has no name`);
  if (better !== 'higher' && better !== 'lower') throw wrong(`${place} says neither "better": "higher" nor "lower"`);
  const given = Object.entries(table(scores) ?? {});
  if (given.length === 0) throw wrong(`${place} has no scores`);
  for (const [method, score] of given) {
    if (typeof score !== 'number' || !Number.isFinite(score))
      throw wrong(`the score of "${method}" in ${place} is not a number`);
  }
  const fixed = mean !== undefined || deviation !== undefined;
  if (fixed && !(typeof mean === 'number' && Number.isFinite(mean) && typeof deviation === 'number' && deviation > 0)) {
    throw wrong(`${place} needs both a "mean" and a "deviation" above 0, or neither`);
  }
  if (!fixed && given.length < 2)
    throw wrong(`${place} has one score only, so that there is no mean to compare it with`);
  return {
    name,
    better,
    scores: Object.fromEntries(given) as Record<string, number>,
    ...(fixed ? { mean: mean as number, deviation: deviation as number } : {}),
  };
}
