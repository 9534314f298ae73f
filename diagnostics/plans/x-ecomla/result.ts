/** The result of the analysis `x-ecomla`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
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
import { beforeAfterField, type BeforeAfter } from '../../shared/conversions/before-after';
import { curvesSchema, type Curves } from '../../shared/training/curves';
import { initialisations, type Initialisation } from './parameters';

export interface LatentRow {
  readonly layer: number;
  /** Of [W_K; W_V], rows repeated to all query heads, largest first, as shares of the largest. */
  readonly singular: readonly number[];
  /** The largest. */
  readonly largest: number;
  /** Weight error by rank, at some ranks. */
  readonly errors: readonly { readonly rank: number; readonly error: number }[];
  /** r_kv */
  readonly rank: number;
  /** r_q; null: queries are projected directly. */
  readonly queryRank: number | null;
  /** d_r */
  readonly rotary: number;
  /** Per cent: (r + d_r) / (2 G d). */
  readonly share: number;
  /** sqrt of the energy that is dropped over all: relative Frobenius error of the best [W_K; W_V] of the rank. */
  readonly weightError: number;
  /** The same not divided: the norm of what is dropped (Eckart and Young). */
  readonly bound: number;
  /** Norm of the change of what attention adds over the norm of that, if this layer alone is changed, over all texts. */
  readonly outputError: number;
  /** KL(plain || changed) of the next tokens if this layer alone is changed, nats per token. */
  readonly kl: number;
}

export interface Compared {
  /** Nats per token. */
  readonly loss: number;
  readonly kl: number;
}

export interface CurvePoint {
  /** Of the cache, per cent. */
  readonly share: number;
  /** All layers with latent attention, before any distillation. */
  readonly latent: Compared;
  /** All layers with keys and values of low rank, rotation in its place. */
  readonly lowRank: Compared;
}

export interface Distillation {
  readonly initialisation: Initialisation;
  readonly steps: number;
  /** Mean KL(model || distilled) on the held-out texts, nats per token. */
  readonly kl: { readonly before: number; readonly after: number };
  /** Whether these are other texts than those of the training. */
  readonly apart: boolean;
  readonly curves: Curves;
}

interface Fields {
  readonly layers: readonly LatentRow[];
  /** Of the model as it is, nats per token. */
  readonly loss: number;
  /** All layers at the ranks of the table. */
  readonly all: Compared | null;
  readonly curve: readonly CurvePoint[];
  /** Numbers cached for a token over the layers that were looked at, and the share in per cent. */
  readonly cached: { readonly before: number; readonly after: number; readonly share: number };
  readonly distillation: Distillation | null;
  /** The checkpoint that was written, beside its source. */
  readonly comparison: BeforeAfter | null;
  readonly tokens: number;
  readonly vocabulary: number;
}

export interface EcoMlaResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

const comparedField: Schema<Compared> = object<Compared>({ loss: figure, kl: figure });

export const ecoMlaResult: Schema<EcoMlaResult> = object<Named>({
  layers: list(
    object<LatentRow>({
      layer: whole,
      singular: numbers,
      largest: figure,
      errors: list(object<LatentRow['errors'][number]>({ rank: count, error: figure })),
      rank: count,
      queryRank: orNull(count),
      rotary: whole,
      share: figure,
      weightError: figure,
      bound: figure,
      outputError: figure,
      kl: figure,
    }),
    'a list of layers',
    { most: mostLayers },
  ),
  loss: figure,
  all: orNull(comparedField),
  curve: list(object<CurvePoint>({ share: number, latent: comparedField, lowRank: comparedField })),
  cached: object<Fields['cached']>({ before: whole, after: whole, share: figure }),
  distillation: orNull(
    object<Distillation>({
      initialisation: oneOf(initialisations),
      steps: whole,
      kl: object<Distillation['kl']>({ before: figure, after: figure }),
      apart: flag,
      curves: curvesSchema,
    }),
  ),
  comparison: orNull(beforeAfterField),
  tokens: whole,
  vocabulary: whole,
});
