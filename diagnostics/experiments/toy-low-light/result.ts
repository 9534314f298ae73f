/** The result of the experiment `toy-low-light`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** A test picture of the lowest gain, as given or as the enhancer of an arm gives it on: first run, mean of the colors. */
const shownPicture = object({
  title: text,
  /** [side][side] */
  values: list(numbers),
});
export type ShownPicture = Output<typeof shownPicture>;

export const toyLowLightResult = object({
  arms: armsResult,
  /** FeatEnHancer in its first run: mean share of the fine scale w_0 over test pictures and pixels, [gains][blocks]. */
  shares: optional(list(numbers)),
  shown: optional(list(shownPicture)),
  folder: optional(text),
});
export type ToyLowLightResult = Output<typeof toyLowLightResult>;
