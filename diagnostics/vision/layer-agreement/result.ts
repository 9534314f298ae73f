import type { ImageSpan } from '../../../protocol/results/image';
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

export interface LayerAgreementResult extends Readonly<Record<string, unknown>> {
  /** Whose attention it is: the class token, all patches (received attention), or the last token. */
  readonly reader: 'class token' | 'patches' | 'last token';
  /** Patches or tokens that are read. */
  readonly places: number;
  /** [layers][places]: mean over heads, adding up to at most 1. */
  readonly maps: readonly (readonly number[])[];
  /** [layers][layers]: Pearson's correlation over the places; NaN where a map is even. */
  readonly agreement: readonly (readonly number[])[];
  /** [layers][heads]: correlation of the head's map with the mean over all heads of all other layers. */
  readonly heads: readonly (readonly number[])[];
  /** |r| of two maps without anything in common stays below this 95 times of 100. */
  readonly chance: number;
  readonly tokens: readonly string[];
  readonly image?: ImageSpan;
  /** [layers][image tokens]; NaN of those that are not in the grid. Empty without a picture. */
  readonly imageMaps: readonly (readonly number[])[];
}

type Named = { readonly [K in keyof LayerAgreementResult as string extends K ? never : K]: LayerAgreementResult[K] };

const layers = <T>(item: Schema<T>) => list(item, 'a list of layers', { most: mostLayers });
const numbers = list(figure, 'a list of numbers', { most: 65_536 });

export const layerAgreementResult: Schema<LayerAgreementResult> = object<Named>({
  reader: oneOf(['class token', 'patches', 'last token']),
  places: whole,
  maps: layers(numbers),
  agreement: layers(list(figure, 'a list of layers', { most: mostLayers })),
  heads: layers(list(figure, 'a list of heads', { most: mostHeads })),
  chance: figure,
  tokens: list(text, 'a list of tokens', { most: 65_536 }),
  image: optional(imageSpan),
  imageMaps: layers(numbers),
});
