/** Why a head gives a key its weight: the result and its schema. */
import { streamPart } from './stream-parts';
import type { Output } from '../../../protocol/schema/check';
import { ensure, figure, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** Parts of a stream that are shown one by one against each other; of more, the heads of a layer are taken together. */
export const mostPaired = 96;

const mostParts = mostLayers * (mostHeads + 1) + 4;
const perPart = list(figure, 'a list of parts', { most: mostParts });
const mostGroups = 2 * mostLayers + 4;
const perGroup = list(figure, 'a list of parts', { most: mostGroups });

const partPair = object({
  /** Places in `parts`. */
  query: whole,
  key: whole,
  value: figure,
});
export type PartPair = Output<typeof partPair>;

export const weightResult = ensure(
  object({
    layer: whole,
    head: whole,
    query: whole,
    key: whole,
    against: optional(whole),
    tokens: object({ query: text, key: text, against: optional(text) }),
    /** Attention weight of the key, and of the one that it is held against. */
    weight: figure,
    againstWeight: optional(figure),
    /** Before softmax and soft capping, as the model has it; less that of `against` where there is one. */
    score: figure,
    softcap: optional(figure),
    layers: list(whole, 'a list of layers', { most: mostLayers }),
    parts: list(streamPart, 'a list of parts', { most: mostParts }),
    /** [parts]: each with the whole key, and each with the whole query. */
    byQuery: perPart,
    byKey: perPart,
    /** The same with the heads of a layer together; names as in the chart. */
    groups: list(text, 'a list of parts', { most: mostGroups }),
    groupQuery: perGroup,
    groupKey: perGroup,
    /** [query parts][key parts], of `parts` where there are few, else of `groups`. */
    pairs: list(list(figure, 'a list of parts', { most: mostGroups }), 'a list of parts', { most: mostGroups }),
    pairedBy: oneOf(['part', 'group']),
    /** Pairs of single parts, largest first by size. */
    largest: list(partPair, 'a list of pairs', { most: 256 }),
    /** `error`: |sum - score| over the larger of 1 and |score|. */
    check: object({ sum: figure, error: figure }),
  }),
  ({ parts, byQuery, byKey, largest }) =>
    byQuery.length === parts.length &&
    byKey.length === parts.length &&
    largest.every(({ query, key }) => query < parts.length && key < parts.length),
  'a result with one number for each part',
);
export type WeightResult = Output<typeof weightResult>;
