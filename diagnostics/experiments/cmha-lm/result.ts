/** The result of the experiment `cmha-lm`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text, whole } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** What one layer of an arm has learned, first run. */
const learnedPlanes = object({ arm: text, layer: whole, delta: list(numbers), b: list(numbers) });
export type LearnedPlanes = Output<typeof learnedPlanes>;

export const cmhaResult = object({
  arms: armsResult,
  /** Runs of each arm. */
  seeds: count,
  text,
  /** What a reader who knows how the text is made would reach; the loss in nats. */
  best: object({ accuracy: figure, loss: figure }),
  learned: optional(list(learnedPlanes)),
  folder: optional(text),
});
export type CmhaResult = Output<typeof cmhaResult>;
