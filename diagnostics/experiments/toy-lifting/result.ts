/** The result of the experiment `toy-lifting`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** One test clip, first run: x, y and depth of each joint, in heights. */
export interface ShownPose {
  readonly truth: readonly (readonly number[])[];
  readonly pose: readonly (readonly number[])[];
}

interface Fields {
  readonly arms: ArmsResult;
  /** Of the last network: shares of its kernels for query, key and value of the first spatial block, [3][kernels]. */
  readonly shares?: readonly (readonly number[])[];
  readonly shown?: ShownPose;
  readonly folder?: string;
}

export interface ToyLiftingResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyLiftingResult: Schema<ToyLiftingResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  shares: optional(list(numbers)),
  shown: optional(object<ShownPose>({ truth: list(numbers), pose: list(numbers) })),
  folder: optional(text),
});
