/** The result of the experiment `toy-lungs`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** A map of one test picture, [rows][columns]. */
export interface LungMap {
  readonly title: string;
  readonly definition: string;
  readonly values: readonly (readonly number[])[];
}

interface Fields {
  /** Arms `isolated`, `shared` and `none`. */
  readonly arms: ArmsResult;
  readonly seeds: number;
  /** By scale, of a maximum at a random cell. */
  readonly chances: readonly number[];
  /** The test picture, and gates of the first run on it. */
  readonly maps?: readonly LungMap[];
  readonly folder?: string;
}

export interface ToyLungsResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyLungsResult: Schema<ToyLungsResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  seeds: count,
  chances: numbers,
  maps: optional(list(object<LungMap>({ title: text, definition: text, values: list(list(figure)) }))),
  folder: optional(text),
});
