/**
 * What a task is: prompts with known answers, each with a counterpart of as many tokens in which one thing is changed. One file
 * in `tasks/` is one task, `tasks/catalogue.ts` lists them. Generation knows no model; `tasks/fit.ts` puts a draft into the tokens
 * of one and refuses what does not fit it.
 */
import type { Random } from '../../kernels/tensors/random';
import type { ParameterTable } from '../../protocol/analysis/parameters';
import type { ParameterValues } from '../../protocol/schema/parts';
import type { AnswerTexts, TaskInfo, TaskMetric } from '../../protocol/analysis/tasks';
import type { AnalysisSource } from '../../protocol/analysis/analysis';
import type { Sequence } from '../model-runner/sequence';
import type { TaskTokens } from './task-tokens';

export interface Task<P extends ParameterValues = ParameterValues> {
  /** Never changed: commands and saved results name it. */
  readonly id: string;
  readonly title: string;
  readonly metric: TaskMetric;
  readonly source: AnalysisSource;
  readonly parameters: ParameterTable<P>;
  readonly roles: TaskInfo['roles'];
  readonly changed: string;
  /** One sample; throws `Unfit` where the tokens of the model do not allow it. */
  draw(tools: DrawTools, parameters: P): Draft;
}

export interface DrawTools {
  readonly random: Random;
  /** Absent: samples are wanted as text alone. */
  readonly tokens: TaskTokens | undefined;
  /** Tokens of a text, or its words where there is no tokenizer. */
  readonly count: (text: string) => number;
  /** Samples before this one: grids go through their cells in turn. */
  readonly number: number;
  /** Content of the files that parameters name, by parameter. */
  readonly files: Readonly<Record<string, string>>;
}

/** What was drawn: template, length, depth and the like. */
export type Facts = Readonly<Record<string, number | string>>;

/** Characters [from, to). */
export type Span = readonly [from: number, to: number];

export type Draft = TextDraft | IdDraft;

export interface TextDraft {
  readonly kind: 'text';
  readonly text: string;
  readonly counterpart: string | undefined;
  /** By role, in `text`. */
  readonly spans: Readonly<Record<string, readonly Span[]>>;
  readonly answers: AnswerTexts;
  /** Absent where the counterpart has no right answer. */
  readonly counterpartAnswers?: AnswerTexts | undefined;
  /** The one right answer may be several tokens: the first is scored, all of them make it correct. */
  readonly long?: boolean;
  readonly facts: Facts;
}

/** Tokens without a text of their own (random ones), without those that stand in front of every prompt. */
export interface IdDraft {
  readonly kind: 'ids';
  readonly ids: readonly number[];
  readonly counterpart: readonly number[];
  readonly roles: Readonly<Record<string, readonly number[]>>;
  readonly right: number;
  readonly wrong: number;
  readonly facts: Facts;
}

interface TaskPrompt extends Sequence {
  readonly text: string;
}

/** Answers as tokens: the first of each. */
export interface Answers {
  readonly right: readonly number[];
  readonly wrong: readonly number[];
  /** Tokens of the one right answer behind its first. */
  readonly rest: readonly number[];
  readonly texts: AnswerTexts;
}

export interface Sample {
  readonly prompt: TaskPrompt;
  /** As many tokens; other ones in the positions of the role `changed` alone. Tasks of the catalogue always have one. */
  readonly counterpart?: TaskPrompt;
  readonly answers: Answers;
  /** Absent where the counterpart has no right answer. */
  readonly counterpartAnswers?: Answers;
  /** Token positions, rising; `query` is the last one. */
  readonly roles: Readonly<Record<string, readonly number[]>>;
  readonly facts: Facts;
}

/** A draft that does not fit the tokens of a model: one sentence that names the word. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
}

export const taskInfo = ({ id, title, metric, source, parameters, roles, changed }: Task): TaskInfo => ({
  id,
  title,
  metric,
  source,
  parameters,
  roles: { ...roles, query: 'the last position, which the answer follows' },
  changed,
});
