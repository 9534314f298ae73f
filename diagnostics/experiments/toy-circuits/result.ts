/** The result of the experiment `toy-circuits`, and its schema. */
import type { TaskAccuracy } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, object, optional, text, whole } from '../../../protocol/schema/fields';
import { reuseResult, type ReuseResult } from '../../circuits/circuit-reuse/result';
import { curvesSchema, type Curves } from '../../shared/training/curves';

/** What the written model does on new prompts of a task. */
export interface Learned {
  readonly task: string;
  readonly title: string;
  readonly accuracy: TaskAccuracy;
  /** Share of prompts that a guess among the answers that occur in the prompt gets right. */
  readonly chance: number;
}

interface Fields {
  readonly curves: Curves;
  readonly parameterCount: number;
  readonly vocabulary: number;
  /** Absent until training has ended. */
  readonly learned?: readonly Learned[];
  readonly folder?: string;
  /** Absent where a task was not learned. */
  readonly reuse?: ReuseResult;
}

export interface ToyResult extends Fields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<Fields, keyof Fields>;

const accuracy: Schema<TaskAccuracy> = object<TaskAccuracy>({
  value: figure,
  low: figure,
  high: figure,
  correct: whole,
  n: count,
});

export const toyResult: Schema<ToyResult> = object<Named>({
  curves: curvesSchema,
  parameterCount: count,
  vocabulary: count,
  learned: optional(list(object<Learned>({ task: text, title: text, accuracy, chance: number }))),
  folder: optional(text),
  reuse: optional(reuseResult),
});
