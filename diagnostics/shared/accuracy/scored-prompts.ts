/** Prompts of a task with what a model answered, as the analysis `task-accuracy` saves them. */
import type { Output } from '../../../protocol/schema/check';
import { ownScoreMean, taskMetrics, type AnswerScore, type TaskMetric } from '../../../protocol/analysis/tasks';
import {
  either,
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  record,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import type { Sample } from '../../tasks/task';
import { meanInterval, measuredMean } from '../statistics/proportion';
import { factShare, factShares, share, shareOf } from './fact-shares';
import { rangeOf, valueOf } from './score';

const promptScore = object({
  /** Its middle is left out where it is long (`shortened`). */
  prompt: text,
  counterpart: orNull(text),
  right: texts,
  /** Text of the token with the largest logit. */
  top: text,
  correct: flag,
  /** The value of the metric of the task. */
  value: figure,
  /** What a task file scores by itself. */
  own: optional(figure),
  /** Template, length, depth and the like. */
  facts: record(either(number, text, 'a number or a text'), 'an object of facts'),
});
export type PromptScore = Output<typeof promptScore>;

export const taskAccuracyResult = object({
  task: text,
  title: text,
  metric: oneOf(taskMetrics),
  accuracy: share,
  /** Over prompts, with the 95 % interval of Student's t; NaN of one prompt. */
  mean: measuredMean,
  /** What a task file scores by itself, over prompts. */
  own: optional(ownScoreMean),
  prompts: list(promptScore, 'a list of prompts'),
  byFact: list(factShare, 'a list of facts'),
  /** What was left out, and why: lines of a file, words that the tokenizer splits. */
  notes: texts,
  /** Prompts that were drawn. */
  total: whole,
});
export type TaskAccuracyResult = Output<typeof taskAccuracyResult>;

/** Characters of a long prompt that a result keeps: a needle grid has prompts of many thousand tokens. */
const [keptStart, keptEnd] = [200, 200];

/** Without its middle where it is longer than both parts. */
export const shortened = (text: string, start: number, end: number): string =>
  text.length <= start + end ? text : `${text.slice(0, start)} … ${text.slice(-end)}`.trimStart();

export function scoredPrompt(
  { prompt, counterpart, answers, facts }: Sample,
  score: AnswerScore,
  metric: TaskMetric,
): PromptScore {
  return {
    prompt: shortened(prompt.text, keptStart, keptEnd),
    counterpart: counterpart ? shortened(counterpart.text, keptStart, keptEnd) : null,
    right: answers.texts.right,
    top: score.top ?? '',
    correct: score.correct,
    value: valueOf(score, metric),
    facts,
  };
}

/** `total`: prompts that were drawn. */
export function accuracyOf(
  { id, title, metric }: { readonly id: string; readonly title: string; readonly metric: TaskMetric },
  prompts: readonly PromptScore[],
  notes: readonly string[],
  total: number,
): TaskAccuracyResult {
  return {
    task: id,
    title,
    metric,
    accuracy: shareOf(prompts),
    mean: meanInterval(
      prompts.map(({ value }) => value),
      { range: rangeOf[metric] },
    ),
    prompts: [...prompts],
    byFact: factShares(prompts),
    notes,
    total,
  };
}
