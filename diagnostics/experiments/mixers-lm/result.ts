/** The result of the experiment `mixers-lm`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, list, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** An arm is a mixer at a length. */
export interface ArmPlace {
  readonly arm: string;
  readonly mixer: string;
  readonly length: number;
}

interface Fields {
  readonly arms: ArmsResult;
  readonly places: readonly ArmPlace[];
  /** Runs of each arm. */
  readonly seeds: number;
  /** Values that a token can have: 1 in so many answers is right by chance. */
  readonly values: number;
  readonly folder?: string;
}

export interface MixersResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

export const mixersResult: Schema<MixersResult> = object<Named>({
  arms: armsResult,
  places: list(object<ArmPlace>({ arm: text, mixer: text, length: count })),
  seeds: count,
  values: count,
  folder: optional(text),
});
