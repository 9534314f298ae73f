/** What the analysis `task-accuracy` saves. */
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
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

/** A share with Wilson's 95 % interval. */
export interface Share {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly correct: number;
  readonly n: number;
}

/** A mean over prompts with the 95 % interval of Student's t; NaN of one prompt. */
export interface Mean {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface PromptScore {
  /** Its middle is left out where it is long (`shortened`). */
  readonly prompt: string;
  readonly counterpart: string | null;
  readonly right: readonly string[];
  /** Text of the token with the largest logit. */
  readonly top: string;
  readonly correct: boolean;
  /** Of the metric of the task. */
  readonly value: number;
  /** Template, length, depth and the like. */
  readonly facts: Readonly<Record<string, number | string>>;
}

/** Accuracy of the prompts that have one value of a fact. */
export interface FactShare {
  readonly fact: string;
  readonly value: string;
  readonly share: Share;
}

// A type and no interface: results are records.
export type TaskAccuracyResult = {
  readonly task: string;
  readonly title: string;
  readonly metric: TaskMetric;
  readonly accuracy: Share;
  readonly mean: Mean;
  readonly prompts: readonly PromptScore[];
  readonly byFact: readonly FactShare[];
  /** What was left out, and why: lines of a file, words that the tokenizer splits. */
  readonly notes: readonly string[];
  /** Prompts that were drawn. */
  readonly total: number;
};

const share: Schema<Share> = object<Share>({ value: figure, low: figure, high: figure, correct: whole, n: whole });

export const taskAccuracyResult: Schema<TaskAccuracyResult> = object<TaskAccuracyResult>({
  task: text,
  title: text,
  metric: oneOf(taskMetrics),
  accuracy: share,
  mean: object<Mean>({ mean: figure, low: figure, high: figure }),
  prompts: list(
    object<PromptScore>({
      prompt: text,
      counterpart: orNull(text),
      right: texts,
      top: text,
      correct: flag,
      value: figure,
      facts: record(either(number, text, 'a number or a text'), 'an object of facts'),
    }),
    'a list of prompts',
  ),
  byFact: list(object<FactShare>({ fact: text, value: text, share }), 'a list of facts'),
  notes: texts,
  total: whole,
});
