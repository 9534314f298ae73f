/** The result of the experiment `toy-low-light`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** A test picture of the lowest gain, as given or as the enhancer of an arm gives it on: first run, mean of the colors. */
export interface ShownPicture {
  readonly title: string;
  /** [side][side] */
  readonly values: readonly (readonly number[])[];
}

interface Fields {
  readonly arms: ArmsResult;
  /** Of FeatEnHancer, first run: [gains][blocks], mean share of the fine scale w_0 over test pictures and pixels. */
  readonly shares?: readonly (readonly number[])[];
  readonly shown?: readonly ShownPicture[];
  readonly folder?: string;
}

export interface ToyLowLightResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyLowLightResult: Schema<ToyLowLightResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  shares: optional(list(numbers)),
  shown: optional(list(object<ShownPicture>({ title: text, values: list(numbers) }))),
  folder: optional(text),
});
