/** The result of the experiment `toy-bags`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text, wholes } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** Of the first run of an arm. */
export interface Seen {
  readonly arm: string;
  /** Share of the attention on the k strongest instances, k from 1, mean over test bags. */
  readonly mass: readonly number[];
  /** [branches][patterns]: area under the ROC curve of the branch's attention for instances of the pattern. */
  readonly areas: readonly (readonly number[])[];
  /** [branches][shown instances] of one test bag. */
  readonly strip: readonly (readonly number[])[];
}

interface Fields {
  readonly arms: ArmsResult;
  readonly instances: number;
  readonly patterns: number;
  /** Pattern of each instance that is shown, from 1; 0 for background. */
  readonly shown?: readonly number[];
  readonly seen?: readonly Seen[];
  readonly folder?: string;
}

export interface ToyBagsResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyBagsResult: Schema<ToyBagsResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  instances: count,
  patterns: count,
  shown: optional(wholes),
  seen: optional(list(object<Seen>({ arm: text, mass: numbers, areas: list(list(figure)), strip: list(numbers) }))),
  folder: optional(text),
});
