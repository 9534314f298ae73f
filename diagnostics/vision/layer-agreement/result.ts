import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

const layers = <T>(item: Schema<T>) => list(item, 'a list of layers', { most: mostLayers });
const numbers = list(figure, 'a list of numbers', { most: 65_536 });

export const layerAgreementResult = object({
  /** Whose attention it is: the class token, all patches (received attention), or the last token. */
  reader: oneOf(['class token', 'patches', 'last token']),
  /** Patches or tokens that are read. */
  places: whole,
  /** [layers][places]: mean over heads, adding up to at most 1. */
  maps: layers(numbers),
  /** [layers][layers]: Pearson's correlation over the places; NaN where a map is even. */
  agreement: layers(list(figure, 'a list of layers', { most: mostLayers })),
  /** [layers][heads]: correlation of the head's map with the mean over all heads of all other layers. */
  heads: layers(list(figure, 'a list of heads', { most: mostHeads })),
  /** |r| of two maps without anything in common stays below this 95 times of 100. */
  chance: figure,
  tokens: list(text, 'a list of tokens', { most: 65_536 }),
  image: optional(imageSpan),
  /** [layers][image tokens]; NaN of those that are not in the grid. Empty without a picture. */
  imageMaps: layers(numbers),
});
export type LayerAgreementResult = Output<typeof layerAgreementResult>;
