/** What the OV and QK circuits of a model are, and its schema. */
import * as v from 'valibot';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, whole, wholeFrom } from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import type { HeadPlace } from '../../../protocol/sections/heads';
import { compositionKinds, type CompositionKind } from './layer-factors';

/** Heads that can be compared: a map of all pairs holds 2^20 cells. */
export const mostCompared = 1024;

/** [layers][heads]; NaN where a layer was left out, or the map is zero. */
export type PerHead = readonly (readonly number[])[];

/** [reading heads][writing heads] in the order of `compared`; NaN where the writer is in no earlier layer. */
export type PerPair = readonly (readonly number[])[];

export interface ComposedPair {
  readonly kind: CompositionKind;
  readonly reader: HeadPlace;
  readonly writer: HeadPlace;
  /** |W_B W_A| / (|W_B| |W_A|), 0 to 1. */
  readonly score: number;
  /** Root of the mean squared score over random rotations, 1 / sqrt(w). */
  readonly chance: number;
  /** (score^2 - 1 / w) over the deviation of the squared score over random rotations. */
  readonly z: number;
  /** (1 + rotations with at least this score) / (1 + rotations); absent while they are drawn. */
  readonly p?: number;
}

export interface CircuitsResult extends Readonly<Record<string, unknown>> {
  /** Elhage et al. 2021: sum of the eigenvalues of W_U W_O W_V W_E over the sum of their sizes; absent without vocabulary. */
  readonly copying?: PerHead;
  readonly ovRank: PerHead;
  readonly qkRank: PerHead;
  /** Norms of Frobenius of W_O W_V, and of the factor of the scores times W_Q^T W_K. */
  readonly ovNorm: PerHead;
  readonly qkNorm: PerHead;
  /**
   * Identity component of the QK circuit, tr(W_Q^T W_K) / (|W_Q^T W_K| sqrt(d)), -1 to 1: the scores of a token with itself
   * against those with all others (arXiv:2307.11353, query-key matrices about the identity). Absent in results of an earlier
   * version.
   */
  readonly qkIdentity?: PerHead;
  /** Heads of the layers that were compared. */
  readonly compared: readonly HeadPlace[];
  readonly scores: Readonly<Record<CompositionKind, PerPair>>;
  /** Largest z first. */
  readonly strongest: readonly ComposedPair[];
  /** Scores that were measured, of all kinds together. */
  readonly comparisons: number;
  readonly rotations: number;
  /** Scores above those of every rotation; absent while they are drawn. */
  readonly aboveAll?: number;
  readonly hiddenSize: number;
}

const place = object<HeadPlace>({
  layer: wholeFrom(0, mostLayers - 1),
  head: wholeFrom(0, mostHeadsInAll - 1),
});
const perPair: Schema<PerPair> = list(list(figure, 'a list of heads', { most: mostCompared }), 'a list of heads', {
  most: mostCompared,
});

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = { readonly [K in keyof CircuitsResult as string extends K ? never : K]: CircuitsResult[K] };

export const circuitsResult: Schema<CircuitsResult> = v.pipe(
  object<Named>({
    copying: optional(figuresPerHead),
    ovRank: figuresPerHead,
    qkRank: figuresPerHead,
    ovNorm: figuresPerHead,
    qkNorm: figuresPerHead,
    qkIdentity: optional(figuresPerHead),
    compared: list(place, 'a list of heads', { most: mostCompared }),
    scores: object<CircuitsResult['scores']>({ query: perPair, key: perPair, value: perPair }),
    strongest: list(
      object<ComposedPair>({
        kind: oneOf(compositionKinds),
        reader: place,
        writer: place,
        score: figure,
        chance: figure,
        z: figure,
        p: optional(figure),
      }),
      'a list of pairs',
      { most: 1024 },
    ),
    comparisons: whole,
    rotations: count,
    aboveAll: optional(whole),
    hiddenSize: count,
  }),
  v.check(
    ({ compared, scores }) => Object.values(scores).every(({ length }) => length === compared.length),
    'a result whose scores have one row for each head',
  ),
);
