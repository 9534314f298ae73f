/** The result of the experiment `marker-bag`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, list, numbers, object, optional, pair, text, whole } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** What the heads of an arm read of one held-out bag, first run. */
export interface Strip {
  readonly arm: string;
  /** [heads][words], each row adds up to 1. */
  readonly attention: readonly (readonly number[])[];
}

interface Fields {
  readonly arms: ArmsResult;
  readonly seeds: number;
  /** Labels, C^2. */
  readonly labels: number;
  readonly words: number;
  readonly strips?: readonly Strip[];
  /** Places of the marked words of the bag of the strips. */
  readonly places?: readonly [number, number];
  readonly folder?: string;
}

export interface BagResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

export const bagResult: Schema<BagResult> = object<Named>({
  arms: armsResult,
  seeds: count,
  labels: count,
  words: count,
  strips: optional(list(object<Strip>({ arm: text, attention: list(numbers) }))),
  places: optional(pair(whole, whole, 'two places')),
  folder: optional(text),
});
