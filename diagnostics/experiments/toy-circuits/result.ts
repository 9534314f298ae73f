/** The result of the experiment `toy-circuits`, and its schema. */
import { taskAccuracy } from '../../../protocol/analysis/tasks';
import type { Output, Schema } from '../../../protocol/schema/check';
import { count, list, number, object, optional, text } from '../../../protocol/schema/fields';
import { curvesSchema } from '../../shared/training/curves';

/** What the written model does on new prompts of a task. */
const learned = object({
  task: text,
  title: text,
  accuracy: taskAccuracy,
  /** Share of prompts that a guess among the answers that occur in the prompt gets right. */
  chance: number,
});
export type Learned = Output<typeof learned>;

/** What the analysis that compares the two circuits gives: a result with a title for each task. */
export interface Comparison extends Readonly<Record<string, unknown>> {
  readonly first: { readonly title: string };
  readonly second: { readonly title: string };
}

export const toyResult = (reuse: Schema<Comparison>) =>
  object({
    curves: curvesSchema,
    parameterCount: count,
    vocabulary: count,
    /** Absent until training has ended. */
    learned: optional(list(learned)),
    folder: optional(text),
    /** Absent where a task was not learned. */
    reuse: optional(reuse),
  });
export type ToyResult = Output<ReturnType<typeof toyResult>>;
