/** The result of the experiment `toy-lifting`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** One test clip, first run: x, y and depth of each joint, in heights. */
const shownPose = object({ truth: list(numbers), pose: list(numbers) });
export type ShownPose = Output<typeof shownPose>;

export const toyLiftingResult = object({
  arms: armsResult,
  /** The last network: shares of its kernels for query, key and value of the first spatial block, [3][kernels]. */
  shares: optional(list(numbers)),
  shown: optional(shownPose),
  folder: optional(text),
});
export type ToyLiftingResult = Output<typeof toyLiftingResult>;
