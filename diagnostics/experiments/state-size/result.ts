/** The result of the experiment `state-size`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, text } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';
import { mixerKinds } from './mixers';

const stateArm = object({
  /** Id of the arm. */
  arm: text,
  kind: oneOf(mixerKinds),
  /** n of query and key. */
  keyWidth: count,
  /** Numbers of the state of a layer; NaN for softmax, whose state grows. */
  state: figure,
});
export type StateArm = Output<typeof stateArm>;

export const stateSizeResult = object({
  arms: armsResult,
  states: list(stateArm),
  task: object({ length: count, pairs: count, vocabulary: count }),
  seeds: count,
  /** p of the series. */
  degree: count,
  folder: optional(text),
});
export type StateSizeResult = Output<typeof stateSizeResult>;
