/** The result of the experiment `mixers-lm`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, list, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** An arm is a mixer at a length. */
const armPlace = object({ arm: text, mixer: text, length: count });

export const mixersResult = object({
  arms: armsResult,
  places: list(armPlace),
  /** Runs of each arm. */
  seeds: count,
  /** Values that a token can have: 1 in so many answers is right by chance. */
  values: count,
  folder: optional(text),
});
export type MixersResult = Output<typeof mixersResult>;
