/** What the analysis `task-accuracy` saves. */
import type { Output } from '../../../protocol/schema/check';
import { taskMetrics } from '../../../protocol/analysis/tasks';
import {
  either,
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  orNull,
  record,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { factShare, share } from '../../shared/accuracy/fact-shares';
import { measuredMean } from '../../shared/statistics/proportion';

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
  prompts: list(promptScore, 'a list of prompts'),
  byFact: list(factShare, 'a list of facts'),
  /** What was left out, and why: lines of a file, words that the tokenizer splits. */
  notes: texts,
  /** Prompts that were drawn. */
  total: whole,
});
export type TaskAccuracyResult = Output<typeof taskAccuracyResult>;
