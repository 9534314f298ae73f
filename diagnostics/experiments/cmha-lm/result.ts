/** The result of the experiment `cmha-lm`, and its schema. */
import type { Planes } from '../../../kernels/modules/complexformer/pictures';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text, whole } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** What one layer of an arm has learned, first run. */
export interface LearnedPlanes extends Planes {
  readonly arm: string;
  readonly layer: number;
}

interface Fields {
  readonly arms: ArmsResult;
  /** Runs of each arm. */
  readonly seeds: number;
  readonly text: string;
  /** Of whoever knows the text; nats. */
  readonly best: { readonly accuracy: number; readonly loss: number };
  readonly learned?: readonly LearnedPlanes[];
  readonly folder?: string;
}

export interface CmhaResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

export const cmhaResult: Schema<CmhaResult> = object<Named>({
  arms: armsResult,
  seeds: count,
  text,
  best: object<Fields['best']>({ accuracy: figure, loss: figure }),
  learned: optional(list(object<LearnedPlanes>({ arm: text, layer: whole, delta: list(numbers), b: list(numbers) }))),
  folder: optional(text),
});
