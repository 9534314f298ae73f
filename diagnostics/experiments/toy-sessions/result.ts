/** The result of the experiment `toy-sessions`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** One test episode of the first run. */
export interface ShownEpisode {
  readonly units: readonly string[];
  /** Cosines before and after training, [questions][units]. */
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  /** Unit with the answer of each question, and the one that is read most with links. */
  readonly answers: readonly number[];
  readonly read: readonly number[];
  readonly questions: readonly string[];
}

interface Fields {
  readonly arms: ArmsResult;
  readonly shown?: ShownEpisode;
  readonly folder?: string;
}

export interface ToySessionsResult extends Fields, Readonly<Record<string, unknown>> {}

export const toySessionsResult: Schema<ToySessionsResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  shown: optional(
    object<ShownEpisode>({
      units: texts,
      before: list(numbers),
      after: list(numbers),
      answers: list(whole),
      read: list(whole),
      questions: texts,
    }),
  ),
  folder: optional(text),
});
