/** The result of the experiment `toy-gaze`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text, texts, whole, wholes } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** One test scene as networks of the first run see it. */
export interface ShownScene {
  /** Colour and letter of each object, row by row. */
  readonly objects: readonly string[];
  readonly target: number;
  readonly path: readonly number[];
  readonly predicted: readonly { readonly arm: string; readonly path: readonly number[] }[];
  /** Of the first network, [steps of the path][objects and end]. */
  readonly pointer: readonly (readonly number[])[];
}

interface Fields {
  readonly arms: ArmsResult;
  readonly shown?: ShownScene;
  readonly folder?: string;
}

export interface ToyGazeResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyGazeResult: Schema<ToyGazeResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  shown: optional(
    object<ShownScene>({
      objects: texts,
      target: whole,
      path: wholes,
      predicted: list(object<{ arm: string; path: readonly number[] }>({ arm: text, path: wholes })),
      pointer: list(numbers),
    }),
  ),
  folder: optional(text),
});
