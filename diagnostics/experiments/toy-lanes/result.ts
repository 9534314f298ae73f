/** The result of the experiment `toy-lanes`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, number, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { curvesSchema } from '../../shared/training/curves';

const laneRun = object({
  seed: number,
  /** Id in `laneArms`. */
  arm: text,
  /** After each task: mean average precision over the classes so far. */
  precision: list(figure),
  /** Mean over the tasks before the last of their precision when they were learned less that at the end. */
  forgetting: figure,
});
export type LaneRun = Output<typeof laneRun>;

const laneMap = object({
  title: text,
  /** [rows of patches][columns]: weight of a patch in the summary of a selector. */
  values: list(numbers),
});
export type LaneMap = Output<typeof laneMap>;

export const toyLanesResult = object({
  tasks: count,
  classes: count,
  selectors: count,
  /** The curves of the frozen transformer. */
  backbone: curvesSchema,
  /** Mean average precision of the frozen transformer's own classifier, which was trained on all classes at once. */
  ceiling: optional(figure),
  runs: optional(list(laneRun)),
  /** Maps of the first run on one test picture. */
  maps: optional(list(laneMap)),
  shown: optional(list(text)),
  /** Multiply-adds of one picture by number of tasks: with pathways, and with a whole pass for each. */
  cost: optional(list(object({ tasks: count, lanes: number, passes: number }))),
  folder: optional(text),
});
export type ToyLanesResult = Output<typeof toyLanesResult>;
