/** Why a head gives a key its weight: the result and its schema. */
import * as v from 'valibot';
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { StreamPart } from './stream-parts';

/** Parts of a stream that are shown one by one against each other; of more, the heads of a layer are taken together. */
export const mostPaired = 96;

export interface PartPair {
  /** Places in `parts`. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
}

export interface WeightResult extends Readonly<Record<string, unknown>> {
  readonly layer: number;
  readonly head: number;
  readonly query: number;
  readonly key: number;
  readonly against?: number;
  readonly tokens: { readonly query: string; readonly key: string; readonly against?: string };
  /** Attention weight of the key, and of the one that it is held against. */
  readonly weight: number;
  readonly againstWeight?: number;
  /** Before softmax and soft capping, as the model has it; less that of `against` where there is one. */
  readonly score: number;
  readonly softcap?: number;
  readonly layers: readonly number[];
  readonly parts: readonly StreamPart[];
  /** [parts]: each with the whole key, and each with the whole query. */
  readonly byQuery: readonly number[];
  readonly byKey: readonly number[];
  /** The same with the heads of a layer together; names as in the chart. */
  readonly groups: readonly string[];
  readonly groupQuery: readonly number[];
  readonly groupKey: readonly number[];
  /** [query parts][key parts], of `parts` where there are few, else of `groups`. */
  readonly pairs: readonly (readonly number[])[];
  readonly pairedBy: 'part' | 'group';
  /** Pairs of single parts, largest first by size. */
  readonly largest: readonly PartPair[];
  /** `error`: |sum - score| over the larger of 1 and |score|. */
  readonly check: { readonly sum: number; readonly error: number };
}

const mostParts = mostLayers * (mostHeads + 1) + 4;
const perPart = list(figure, 'a list of parts', { most: mostParts });
const mostGroups = 2 * mostLayers + 4;
const perGroup = list(figure, 'a list of parts', { most: mostGroups });

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = { readonly [K in keyof WeightResult as string extends K ? never : K]: WeightResult[K] };

export const weightResult: Schema<WeightResult> = v.pipe(
  object<Named>({
    layer: whole,
    head: whole,
    query: whole,
    key: whole,
    against: optional(whole),
    tokens: object<WeightResult['tokens']>({ query: text, key: text, against: optional(text) }),
    weight: figure,
    againstWeight: optional(figure),
    score: figure,
    softcap: optional(figure),
    layers: list(whole, 'a list of layers', { most: mostLayers }),
    parts: list(
      object<StreamPart>({
        kind: oneOf(['token', 'position', 'embedding', 'head', 'mlp', 'bias', 'replaced']),
        layer: optional(whole),
        head: optional(whole),
      }),
      'a list of parts',
      { most: mostParts },
    ),
    byQuery: perPart,
    byKey: perPart,
    groups: list(text, 'a list of parts', { most: mostGroups }),
    groupQuery: perGroup,
    groupKey: perGroup,
    pairs: list(list(figure, 'a list of parts', { most: mostGroups }), 'a list of parts', { most: mostGroups }),
    pairedBy: oneOf(['part', 'group']),
    largest: list(object<PartPair>({ query: whole, key: whole, value: figure }), 'a list of pairs', { most: 256 }),
    check: object<WeightResult['check']>({ sum: figure, error: figure }),
  }),
  v.check(
    ({ parts, byQuery, byKey, largest }) =>
      byQuery.length === parts.length &&
      byKey.length === parts.length &&
      largest.every(({ query, key }) => query < parts.length && key < parts.length),
    'a result with one number for each part',
  ),
);
