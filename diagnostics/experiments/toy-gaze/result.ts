/** The result of the experiment `toy-gaze`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text, texts, whole, wholes } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** One test scene as networks of the first run see it. */
const shownScene = object({
  /** Colour and letter of each object, row by row. */
  objects: texts,
  target: whole,
  path: wholes,
  predicted: list(object({ arm: text, path: wholes })),
  /** Attention of the first network, [steps of the path][objects and end]. */
  pointer: list(numbers),
});
export type ShownScene = Output<typeof shownScene>;

export const toyGazeResult = object({
  arms: armsResult,
  shown: optional(shownScene),
  folder: optional(text),
});
export type ToyGazeResult = Output<typeof toyGazeResult>;
