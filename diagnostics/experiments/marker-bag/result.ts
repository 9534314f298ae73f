/** The result of the experiment `marker-bag`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, list, numbers, object, optional, pair, text, whole } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** What the heads of an arm read of one held-out bag, first run. */
const strip = object({
  arm: text,
  /** [heads][words], each row adds up to 1. */
  attention: list(numbers),
});
export type Strip = Output<typeof strip>;

export const bagResult = object({
  arms: armsResult,
  seeds: count,
  /** Labels, C^2. */
  labels: count,
  words: count,
  strips: optional(list(strip)),
  /** Places of the marked words of the bag of the strips. */
  places: optional(pair(whole, whole, 'two places')),
  folder: optional(text),
});
export type BagResult = Output<typeof bagResult>;
