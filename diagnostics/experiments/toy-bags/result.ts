/** The result of the experiment `toy-bags`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text, wholes } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** What is shown of the first run of an arm. */
const seen = object({
  arm: text,
  /** Share of the attention on the k strongest instances, k from 1, mean over test bags. */
  mass: numbers,
  /** [branches][patterns]: area under the ROC curve of the branch's attention for instances of the pattern. */
  areas: list(list(figure)),
  /** [branches][shown instances] of one test bag. */
  strip: list(numbers),
});
export type Seen = Output<typeof seen>;

export const toyBagsResult = object({
  arms: armsResult,
  instances: count,
  patterns: count,
  /** Pattern of each instance that is shown, from 1; 0 for background. */
  shown: optional(wholes),
  seen: optional(list(seen)),
  folder: optional(text),
});
export type ToyBagsResult = Output<typeof toyBagsResult>;
