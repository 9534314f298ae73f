/** What the OV and QK circuits of a model are, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import {
  ensure,
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  whole,
  wholeFrom,
} from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import { compositionKinds } from './layer-factors';

/** Heads that can be compared: a map of all pairs holds 2^20 cells. */
export const mostCompared = 1024;

/** [layers][heads]; NaN where a layer was left out, or the map is zero. */
export type PerHead = readonly (readonly number[])[];

/** [reading heads][writing heads] in the order of `compared`; NaN where the writer is in no earlier layer. */
type PerPair = readonly (readonly number[])[];

const place = object({
  layer: wholeFrom(0, mostLayers - 1),
  head: wholeFrom(0, mostHeadsInAll - 1),
});
const perPair: Schema<PerPair> = list(list(figure, 'a list of heads', { most: mostCompared }), 'a list of heads', {
  most: mostCompared,
});

const composedPair = object({
  kind: oneOf(compositionKinds),
  reader: place,
  writer: place,
  /** |W_B W_A| / (|W_B| |W_A|), 0 to 1. */
  score: figure,
  /** Root of the mean squared score over random rotations, 1 / sqrt(w). */
  chance: figure,
  /** (score^2 - 1 / w) over the deviation of the squared score over random rotations. */
  z: figure,
  /** (1 + rotations with at least this score) / (1 + rotations); absent while they are drawn. */
  p: optional(figure),
});
export type ComposedPair = Output<typeof composedPair>;

export const circuitsResult = ensure(
  object({
    /** Elhage et al. 2021: sum of the eigenvalues of W_U W_O W_V W_E over the sum of their sizes; absent without vocabulary. */
    copying: optional(figuresPerHead),
    ovRank: figuresPerHead,
    qkRank: figuresPerHead,
    /** Norms of Frobenius of W_O W_V, and of the factor of the scores times W_Q^T W_K. */
    ovNorm: figuresPerHead,
    qkNorm: figuresPerHead,
    /**
     * Identity component of the QK circuit, tr(W_Q^T W_K) / (|W_Q^T W_K| sqrt(d)), -1 to 1: the scores of a token with itself
     * against those with all others (arXiv:2307.11353, query-key matrices about the identity). Absent in results of an earlier
     * version.
     */
    qkIdentity: optional(figuresPerHead),
    /** Heads of the layers that were compared. */
    compared: list(place, 'a list of heads', { most: mostCompared }),
    scores: object({ query: perPair, key: perPair, value: perPair }),
    /** Largest z first. */
    strongest: list(composedPair, 'a list of pairs', { most: 1024 }),
    /** Scores that were measured, of all kinds together. */
    comparisons: whole,
    rotations: count,
    /** Scores above those of every rotation; absent while they are drawn. */
    aboveAll: optional(whole),
    hiddenSize: count,
    /** Gates multiply the outputs of some heads: OV maps and writers are computed with all gates open. */
    gated: optional(flag),
  }),
  ({ compared, scores }) => Object.values(scores).every(({ length }) => length === compared.length),
  'a result whose scores have one row for each head',
);
export type CircuitsResult = Output<typeof circuitsResult>;
