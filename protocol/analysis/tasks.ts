/** Tasks as they reach the command line and the panel: the catalogue, samples of one, and how a model does on them. */
import { object, figure, text, whole, count } from '../schema/fields';
import type { Output } from '../schema/check';
import type { ModelSummary, Provenance, ParameterValues } from '../schema/parts';
import type { OwnFileRead } from '../inputs/own-file';
import type { Section } from '../sections/section';
import type { AnalysisSource } from './analysis';
import type { ParameterTable } from './parameters';

export const taskMetrics = ['logit-difference', 'probability', 'probability-difference', 'accuracy', 'loss'] as const;
export type TaskMetric = (typeof taskMetrics)[number];

/** What effects are measured by: of a task, or the logit of an answer, or how alike the embeddings of two texts are. */
export const effectMetrics = [...taskMetrics, 'logit', 'similarity'] as const;
export type EffectMetric = (typeof effectMetrics)[number];

/** One row of the catalogue. */
export interface TaskInfo {
  readonly id: string;
  readonly title: string;
  /** What is measured beside accuracy. */
  readonly metric: TaskMetric;
  readonly source: AnalysisSource;
  readonly parameters: ParameterTable;
  /** Named positions of a prompt, and what stands there; `query`, the last position, is in every task. */
  readonly roles: Readonly<Record<string, string>>;
  /** The role in whose positions alone prompt and counterpart differ. */
  readonly changed: string;
}

/** A file of a person's own is named by a path or by its ending; all other names are ids. */
export const isTaskFile = (name: string): boolean => /[\\/]|\.(jsonl?|csv|[cm]?[jt]s)$/iu.test(name);

/** As the texts follow the prompt: the space before a word belongs to them. */
export interface AnswerTexts {
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

/** What one prompt scores: the answers under the logits behind it. */
export interface AnswerScore {
  /** Greedy decoding over the whole vocabulary gives a right answer. */
  readonly correct: boolean;
  /** Mean logit of the right answers less that of the wrong ones; NaN without wrong ones. */
  readonly logitDifference: number;
  /** Probability of all right answers together (first tokens). */
  readonly probability: number;
  /** Probability of the right answers less that of the wrong ones; NaN without wrong ones. */
  readonly probabilityDifference: number;
  /** -ln of `probability`, nats. */
  readonly loss: number;
  /** Text of the token with the largest logit. */
  readonly top?: string;
}

/** What a task file scores by itself: its mean over prompts, with the 95 % interval of Student's t; NaN of one prompt. The unit may be empty. */
export const ownScoreMean = object({
  title: text,
  unit: text,
  definition: text,
  mean: figure,
  low: figure,
  high: figure,
});
export type OwnScoreMean = Output<typeof ownScoreMean>;
export type OwnScore = Pick<OwnScoreMean, 'title' | 'unit' | 'definition'>;

export interface SampleView {
  readonly prompt: string;
  readonly counterpart: string | null;
  readonly answers: AnswerTexts;
  /** Absent where the counterpart has no right answer. */
  readonly counterpartAnswers?: AnswerTexts;
  /** What was drawn: template, length, depth and the like. */
  readonly facts: Readonly<Record<string, number | string>>;
  /** By the tokenizer of the model, special tokens included. */
  readonly ids?: readonly number[];
  readonly counterpartIds?: readonly number[];
  /** Token positions, from 0. */
  readonly roles?: Readonly<Record<string, readonly number[]>>;
  readonly score?: AnswerScore;
  /** What the task file scores by itself. */
  readonly ownScore?: number;
}

/** A prompt that a model has answered, as a task file scores it. */
export type AnsweredSample = SampleView & { readonly score: AnswerScore };

export const taskAccuracy = object({
  value: figure,
  /** Wilson's 95 % interval. */
  low: figure,
  high: figure,
  correct: whole,
  n: count,
});
export type TaskAccuracy = Output<typeof taskAccuracy>;

export interface TaskMean {
  readonly name: TaskMetric;
  readonly mean: number;
  /** 95 % interval over prompts, by Student's t; NaN of one prompt. */
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

export interface TaskProgress {
  readonly sentence: string;
  /** Samples that were run. */
  readonly done: number;
  readonly total: number;
}

/** What an analysis says of the prompts that were run. */
interface ScoredTask {
  readonly analysis: string;
  readonly title: string;
  /** By the schema of the analysis. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly sections: readonly Section[];
}

export interface TaskResult extends Provenance {
  readonly task: string;
  readonly title: string;
  readonly source: AnalysisSource;
  readonly parameters: ParameterValues;
  readonly model?: ModelSummary;
  readonly accuracy?: TaskAccuracy;
  readonly metric: Pick<TaskMean, 'name'> & Partial<TaskMean>;
  /** The task file that gave the prompts. */
  readonly taskFile?: OwnFileRead;
  readonly ownScore?: OwnScoreMean;
  readonly samples: readonly SampleView[];
  /** What was left out, and why: lines of a file, words that a tokenizer splits. */
  readonly notes: readonly string[];
  /** A sentence, where there is `scored`. */
  readonly finding?: string;
  /** The same as a result of the analysis `task-accuracy`, which VS Code shows; absent without a model, and of a part. */
  readonly scored?: ScoredTask;
  readonly seconds?: number;
}
