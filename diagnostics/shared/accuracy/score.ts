/** How a model does on samples: accuracy and the metric of the task, each with its 95 % interval. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { AnswerScore, TaskAccuracy, TaskMean, TaskMetric } from '../../../protocol/analysis/tasks';
import { FailureError } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { metricOf } from '../effects/metric';
import { meanInterval, wilson } from '../statistics/proportion';
import type { Part } from '../../../protocol/analysis/schema';
import { partOf } from '../parts';
import type { Answers, Sample } from '../../tasks/task';

export interface TaskScore {
  readonly accuracy: TaskAccuracy;
  readonly metric: TaskMean;
  /** By sample. */
  readonly samples: readonly AnswerScore[];
}

export interface ScoreStep {
  /** Samples that were run. */
  readonly done: number;
  readonly total: number;
}

export interface HowToScore {
  /** Keeps what a batch gave, or gives what was kept. */
  readonly step?: <T>(key: string, act: () => Promise<T>) => Promise<T>;
  /** The part that is run: whole batches, so that each is run as it would be with all; absent: all. */
  readonly part?: Part | undefined;
}

/** Rows of one run at most: a run of many short prompts is faster, of long ones it is not. */
const mostRows = 4096;
const mostSideBySide = 16;

/**
 * One score for each variant; `{}` is the plain model. The variants act on each prompt alike.
 * Prompts of one length are run side by side, as many as the memory allows.
 */
export async function* scoring(
  model: ModelRunner,
  samples: readonly Sample[],
  metric: TaskMetric,
  variants: readonly Variant[] = [[]],
  { step = (_, act) => act(), part }: HowToScore = {},
): AsyncGenerator<ScoreStep, readonly TaskScore[]> {
  if (!model.facts.predicts) {
    throw new FailureError({
      code: 'unsupported',
      detail: 'This model predicts no next token, so it cannot answer a task. Choose a model with a language head.',
    });
  }
  const scores: AnswerScore[][] = variants.map(() => []);
  const batches = partOf(batchesOf(samples, variants.length), part, tokensOf);
  const total = batches.reduce((sum, batch) => sum + batch.length, 0);
  let done = 0;
  let together = mostSideBySide;
  for (const batch of batches) {
    for (let at = 0; at < batch.length;) {
      yield { done, total };
      const some = batch.slice(at, at + together);
      try {
        const key = `prompts ${some.map(({ index }) => index).join()}`;
        for (const { index, byVariant } of await step(key, () => answered(model, some, variants))) {
          byVariant.forEach((score, variant) => {
            (scores[variant] ??= [])[index] = score;
          });
        }
      } catch (error) {
        const tooLarge = error instanceof FailureError && error.failure.code === 'out-of-memory';
        if (!tooLarge || some.length === 1) throw error;
        together = Math.ceil(some.length / 2);
        continue;
      }
      at += some.length;
      done += some.length;
    }
  }
  yield { done, total };
  // Samples of other parts have no score.
  return scores.map((own) => ({
    ...summaryOf(
      own.filter(() => true),
      metric,
    ),
    samples: own,
  }));
}

/** The same at once. */
export async function scoreTask(
  model: ModelRunner,
  samples: readonly Sample[],
  metric: TaskMetric,
  variants?: readonly Variant[],
): Promise<readonly TaskScore[]> {
  const run = scoring(model, samples, metric, variants);
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
  }
}

export function summaryOf(samples: readonly AnswerScore[], metric: TaskMetric): TaskScore {
  const n = samples.length;
  const correct = samples.filter((score) => score.correct).length;
  const accuracy = { value: correct / n, ...wilson(correct / n, n), correct, n };
  if (metric === 'accuracy') {
    const { value: mean, low, high } = accuracy;
    return { accuracy, metric: { name: metric, mean, low, high, n }, samples };
  }
  const values = samples.map((score) => valueOf(score, metric));
  return { accuracy, metric: { name: metric, ...meanInterval(values, { range: rangeOf[metric] }), n }, samples };
}

/** What a value of the metric can be. */
export const rangeOf: Readonly<Record<TaskMetric, readonly [number, number]>> = {
  'logit-difference': [-Infinity, Infinity],
  probability: [0, 1],
  'probability-difference': [-1, 1],
  accuracy: [0, 1],
  loss: [0, Infinity],
};

export function valueOf(score: AnswerScore, metric: TaskMetric): number {
  switch (metric) {
    case 'logit-difference':
      return score.logitDifference;
    case 'probability':
      return score.probability;
    case 'probability-difference':
      return score.probabilityDifference;
    case 'loss':
      return score.loss;
    case 'accuracy':
      return score.correct ? 1 : 0;
  }
}

/** `logits`: of the last position, [v]. Correct: the largest logit of the vocabulary is that of a right answer. */
export function scoreOf(logits: Float32Array, { right, wrong }: Pick<Answers, 'right' | 'wrong'>): AnswerScore {
  let largest = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] ?? 0) > (logits[largest] ?? 0)) largest = id;
  const most = logits[largest] ?? Number.NaN;
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  const tokens = [...right, ...wrong];
  const answer = {
    logits: tokens.map((id) => logits[id] ?? Number.NaN),
    logSumExp: most + Math.log(sum),
    largest,
  };
  const of = (metric: TaskMetric): number => metricOf(metric, answer, tokens, right.length);
  return {
    correct: of('accuracy') === 1,
    logitDifference: of('logit-difference'),
    probability: of('probability'),
    probabilityDifference: wrong.length === 0 ? Number.NaN : of('probability-difference'),
    loss: of('loss'),
  };
}

interface Placed {
  readonly sample: Sample;
  readonly index: number;
}

/** Prompts of one length that are run side by side. */
const batchesOf = (samples: readonly Sample[], variants: number): readonly (readonly Placed[])[] =>
  ofOneLength(samples).flatMap((group) => {
    const rows = (group[0]?.sample.prompt.ids.length ?? 1) * variants;
    const size = Math.max(1, Math.min(Math.floor(mostSideBySide / variants), Math.floor(mostRows / rows)));
    return Array.from({ length: Math.ceil(group.length / size) }, (_, at) => group.slice(at * size, (at + 1) * size));
  });

const tokensOf = (batch: readonly Placed[]): number =>
  batch.reduce((sum, { sample }) => sum + Math.max(1, sample.prompt.ids.length), 0);

/** In the order of the first of each length. */
function ofOneLength(samples: readonly Sample[]): readonly (readonly Placed[])[] {
  const groups = new Map<number, Placed[]>();
  samples.forEach((sample, index) => {
    const { length } = sample.prompt.ids;
    const group = groups.get(length) ?? [];
    group.push({ sample, index });
    groups.set(length, group);
  });
  return [...groups.values()];
}

interface Scored {
  readonly index: number;
  readonly byVariant: readonly AnswerScore[];
}

async function answered(
  model: ModelRunner,
  some: readonly Placed[],
  variants: readonly Variant[],
): Promise<readonly Scored[]> {
  const [first] = some;
  if (!first) return [];
  // The groups of keys of a task's prompts are the same.
  const { ids, groups } = first.sample.prompt;
  const { logits } = await model.run({
    ids,
    ...(groups ? { groups } : {}),
    variants: some.flatMap(() => variants),
    variantIds: some.flatMap(({ sample }) => variants.map(() => sample.prompt.ids)),
    logits: 'last',
  });
  const data = logits?.data;
  if (!(data instanceof Float32Array)) throw new RangeError('the run gave no logits');
  const width = data.length / (some.length * variants.length);
  const scored: Scored[] = [];
  for (const [at, { sample, index }] of some.entries()) {
    const byVariant: AnswerScore[] = [];
    for (const [number, variant] of variants.entries()) {
      const from = (at * variants.length + number) * width;
      const own = data.subarray(from, from + width);
      const score = scoreOf(own, sample.answers);
      const correct = score.correct && (await goesOn(model, sample, variant));
      const [top = ''] = model.pieces([own.indexOf(own.reduce((most, logit) => Math.max(most, logit), -Infinity))]);
      byVariant.push({ ...score, correct, top });
    }
    scored.push({ index, byVariant });
  }
  return scored;
}

/** Whether greedy decoding goes on with the rest of an answer of several tokens. */
async function goesOn(model: ModelRunner, { prompt, answers }: Sample, variant: Variant): Promise<boolean> {
  const { rest, right } = answers;
  let [last] = right;
  if (rest.length === 0 || last === undefined) return true;
  const { ids, groups } = prompt;
  const sequence = { ids, ...(groups ? { groups } : {}) };
  const run = await model.continuation({ sequence, variant, further: rest.length });
  for (const id of rest) {
    const { logits } = await run.extend([last]);
    if (!scoreOf(logits, { right: [id], wrong: [] }).correct) return false;
    last = id;
  }
  return true;
}
