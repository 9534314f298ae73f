/** The result of the experiment `state-size`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, text } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';
import { mixerKinds, type MixerKind } from './mixers';

export interface StateArm {
  /** Id of the arm. */
  readonly arm: string;
  readonly kind: MixerKind;
  /** n of query and key. */
  readonly keyWidth: number;
  /** Numbers of the state of a layer; NaN for softmax, whose state grows. */
  readonly state: number;
}

interface Fields {
  readonly arms: ArmsResult;
  readonly states: readonly StateArm[];
  readonly task: { readonly length: number; readonly pairs: number; readonly vocabulary: number };
  readonly seeds: number;
  /** p of the series. */
  readonly degree: number;
  readonly folder?: string;
}

export interface StateSizeResult extends Fields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<Fields, keyof Fields>;

export const stateSizeResult: Schema<StateSizeResult> = object<Named>({
  arms: armsResult,
  states: list(object<StateArm>({ arm: text, kind: oneOf(mixerKinds), keyWidth: count, state: figure })),
  task: object<Fields['task']>({ length: count, pairs: count, vocabulary: count }),
  seeds: count,
  degree: count,
  folder: optional(text),
});
