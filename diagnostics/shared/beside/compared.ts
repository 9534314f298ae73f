/** Parts of the results of analyses that compare a model with one beside it. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, list, object, orNull, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where it is not known. */
export const perHead: Schema<readonly (readonly number[])[]> = list(
  list(figure, 'a list of heads', { most: mostHeads }),
  'a list of layers',
  { most: mostLayers },
);

const error = { largest: figure, mean: figure, relative: figure };

export const comparedTensor = object({
  tensor: text,
  /** Which of its rows, if it is fused. */
  part: text,
  /** Its number format, as the model stores it. */
  format: text,
  /** Null for the embedding and the language head. */
  layer: orNull(whole),
  ...error,
});
export type ComparedTensor = Output<typeof comparedTensor>;
