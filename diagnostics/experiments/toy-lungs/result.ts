/** The result of the experiment `toy-lungs`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** A map of one test picture, [rows][columns]. */
const lungMap = object({ title: text, definition: text, values: list(list(figure)) });
export type LungMap = Output<typeof lungMap>;

export const toyLungsResult = object({
  /** Arms `isolated`, `shared` and `none`. */
  arms: armsResult,
  seeds: count,
  /** By scale, of a maximum at a random cell. */
  chances: numbers,
  /** The test picture, and gates of the first run on it. */
  maps: optional(list(lungMap)),
  folder: optional(text),
});
export type ToyLungsResult = Output<typeof toyLungsResult>;
