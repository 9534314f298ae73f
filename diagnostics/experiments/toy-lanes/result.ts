/** The result of the experiment `toy-lanes`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { curvesSchema, type Curves } from '../../shared/training/curves';

export interface LaneRun {
  readonly seed: number;
  /** Id in `laneArms`. */
  readonly arm: string;
  /** After each task: mean average precision over the classes so far. */
  readonly precision: readonly number[];
  /** Mean over the tasks before the last of their precision when they were learned less that at the end. */
  readonly forgetting: number;
}

export interface LaneMap {
  readonly title: string;
  /** [rows of patches][columns]: weight of a patch in the summary of a selector. */
  readonly values: readonly (readonly number[])[];
}

interface Fields {
  readonly tasks: number;
  readonly classes: number;
  readonly selectors: number;
  /** Of the frozen transformer. */
  readonly backbone: Curves;
  /** Mean average precision of the frozen transformer's own classifier, which was trained on all classes at once. */
  readonly ceiling?: number;
  readonly runs?: readonly LaneRun[];
  /** Of the first run and one test picture. */
  readonly maps?: readonly LaneMap[];
  readonly shown?: readonly string[];
  /** Multiply-adds of one picture by number of tasks: with pathways, and with a whole pass for each. */
  readonly cost?: readonly { readonly tasks: number; readonly lanes: number; readonly passes: number }[];
  readonly folder?: string;
}

export interface ToyLanesResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyLanesResult: Schema<ToyLanesResult> = object<Pick<Fields, keyof Fields>>({
  tasks: count,
  classes: count,
  selectors: count,
  backbone: curvesSchema,
  ceiling: optional(figure),
  runs: optional(list(object<LaneRun>({ seed: number, arm: text, precision: list(figure), forgetting: figure }))),
  maps: optional(list(object<LaneMap>({ title: text, values: list(numbers) }))),
  shown: optional(list(text)),
  cost: optional(
    list(object<{ tasks: number; lanes: number; passes: number }>({ tasks: count, lanes: number, passes: number })),
  ),
  folder: optional(text),
});
