/** The result of the analysis `x-ecomla`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  number,
  numbers,
  object,
  oneOf,
  orNull,
  whole,
} from '../../../protocol/schema/fields';
import { mostLayers } from '../../../protocol/schema/parts';
import { beforeAfterField } from '../../shared/conversions/before-after';
import { curvesSchema } from '../../shared/training/curves';
import { initialisations } from './parameters';

const comparedField = object({
  /** Nats per token. */
  loss: figure,
  kl: figure,
});
export type Compared = Output<typeof comparedField>;

const latentRow = object({
  layer: whole,
  /** Singular values of [W_K; W_V], with rows repeated to all query heads, largest first, as shares of the largest. */
  singular: numbers,
  /** The largest. */
  largest: figure,
  /** Weight error by rank, at some ranks. */
  errors: list(object({ rank: count, error: figure })),
  /** r_kv */
  rank: count,
  /** r_q; null: queries are projected directly. */
  queryRank: orNull(count),
  /** d_r */
  rotary: whole,
  /** Per cent: (r + d_r) / (2 G d). */
  share: figure,
  /** sqrt of the energy that is dropped over all: relative Frobenius error of the best [W_K; W_V] of the rank. */
  weightError: figure,
  /** The same not divided: the norm of what is dropped (Eckart and Young). */
  bound: figure,
  /** Norm of the change of what attention adds over the norm of that, if this layer alone is changed, over all texts. */
  outputError: figure,
  /** KL(plain || changed) of the next tokens if this layer alone is changed, nats per token. */
  kl: figure,
});
export type LatentRow = Output<typeof latentRow>;

const curvePoint = object({
  /** Share of the cache, in per cent. */
  share: number,
  /** All layers with latent attention, before any distillation. */
  latent: comparedField,
  /** All layers with keys and values of low rank, rotation in its place. */
  lowRank: comparedField,
});
export type CurvePoint = Output<typeof curvePoint>;

const distillation = object({
  initialisation: oneOf(initialisations),
  steps: whole,
  /** Mean KL(model || distilled) on the held-out texts, nats per token. */
  kl: object({ before: figure, after: figure }),
  /** Whether these are other texts than those of the training. */
  apart: flag,
  curves: curvesSchema,
});
export type Distillation = Output<typeof distillation>;

export const ecoMlaResult = object({
  layers: list(latentRow, 'a list of layers', { most: mostLayers }),
  /** Loss of the model as it is, in nats per token. */
  loss: figure,
  /** All layers at the ranks of the table. */
  all: orNull(comparedField),
  curve: list(curvePoint),
  /** Numbers cached for a token over the layers that were looked at, and the share in per cent. */
  cached: object({ before: whole, after: whole, share: figure }),
  distillation: orNull(distillation),
  /** The checkpoint that was written, beside its source. */
  comparison: orNull(beforeAfterField),
  tokens: whole,
  vocabulary: whole,
});
export type EcoMlaResult = Output<typeof ecoMlaResult>;
