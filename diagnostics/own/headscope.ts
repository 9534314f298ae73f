/** What analysis and task files import from `headscope`: schemas, sections, statistics, what analyses share, and the types. */
import { check } from '../../protocol/schema/check';
import type { ParameterTable } from '../../protocol/analysis/parameters';
import type { AnalysisFile } from './analysis-file';
import type { TaskFile } from './task-answerer';

export * as field from '../../kernels/parameters';
export * as vectors from '../../kernels/tensors/vectors';
export { mean } from '../../kernels/tensors/vectors';
export * from '../../kernels/tensors/random';
export { cosine } from '../../kernels/modules/acmil/definition';
export { entropyOf, strongestMass } from '../../kernels/modules/acmil/pictures';
export { markedRows } from '../../models/architectures/marked-tokens';
export type { Variant } from '../../models/instrument/changes/changes';
export * from '../../protocol/schema/fields';
export type { Output, Schema } from '../../protocol/schema/check';
export type { ParameterValues } from '../../protocol/schema/parts';
export * as build from '../../protocol/sections/builders';
export type { Section } from '../../protocol/sections/section';
export type { SectionQuestion } from '../../protocol/analysis/schema';
export type * from '../analysis';
export { countOfKeysRead } from '../model-runner/keys-read';
export type * from '../model-runner/model-runner';
export type * from '../model-runner/run-request';
export { withoutSpan, type Sequence } from '../model-runner/sequence';
export { attentionMap } from '../shared/sections/head-maps';
export { pearson, spearman } from '../shared/statistics/correlation';
export { meanInterval, wilson } from '../shared/statistics/proportion';
export { quantile } from '../shared/statistics/quantile';
export { fill, pick, sample, shuffled, textDraft, type Part } from '../tasks/draft';
export { haystack } from '../tasks/haystack';
export { Unfit, type Draft, type DrawTools, type IdDraft, type Span, type Task, type TextDraft } from '../tasks/task';
export type { TaskTokens } from '../tasks/task-tokens';
export * as words from '../tasks/words';
export type { AnalysisFile } from './analysis-file';
export type { TaskFile } from './task-answerer';
export { check };

/** What the parameters of a table are in a run: each is of the type of its default. */
type ValuesOf<T extends ParameterTable> = {
  readonly [K in keyof T]: T[K]['default'] extends number ? number : T[K]['default'] extends boolean ? boolean : string;
};

/** An analysis as it stands; its parameters and its result get their types from what is written. */
export const analysis = <T extends ParameterTable, R extends Readonly<Record<string, unknown>>>(
  file: Omit<AnalysisFile<ValuesOf<T>, R>, 'parameters'> & { readonly parameters: T },
): AnalysisFile<ValuesOf<T>, R> => file;

/** A task as it stands; its parameters get their types from what is written. */
export const task = <T extends ParameterTable>(
  file: Omit<TaskFile<ValuesOf<T>>, 'parameters'> & { readonly parameters: T },
): TaskFile<ValuesOf<T>> => file;
