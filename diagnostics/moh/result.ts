/** The result of `moh`, and its schema. */
import type { PerHead } from '../../protocol/results/heads';
import type { Schema } from '../../protocol/schema/check';
import { count, figure, flag, list, object, orNull, whole } from '../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../protocol/schema/parts';
import { beforeAfterField, type BeforeAfter } from '../conversions/before-after';

export interface CurvePoint {
  /** Per cent of all query heads that a token has. */
  readonly active: number;
  /** Loss on the held-out texts, nats/token, and KL(model || changed) of next-token distributions, nats. */
  readonly loss: number;
  readonly kl: number;
  /** The same with as many heads for every token: those of the largest importance. */
  readonly fixedLoss: number;
  readonly fixedKl: number;
}

export interface RoutedLayerResult {
  readonly shared: readonly number[];
  readonly active: number;
  readonly balance: number;
  readonly even: number;
  readonly entropy: number;
}

export interface MohResult extends Readonly<Record<string, unknown>> {
  readonly calibration: number;
  readonly heldOut: number;
  /** Whether these are different texts. */
  readonly apart: boolean;
  /** |d loss / d gain| of each head, mean over calibration texts, nats. */
  readonly importance: PerHead;
  /** By layer; definitions in routing.ts. */
  readonly layers: readonly RoutedLayerResult[];
  /** [layers][heads]: share of the calibration tokens that have the head. */
  readonly loads: PerHead;
  /** Active heads / heads of the model. */
  readonly active: number;
  readonly curve: readonly CurvePoint[];
  readonly comparison: BeforeAfter;
  /** Largest difference of a logit between the checkpoint and the intervention, on the first held-out text; null: none was written. */
  readonly difference: number | null;
}

const perHead = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });

export const mohResult: Schema<MohResult> = object<MohResult>({
  calibration: count,
  heldOut: count,
  apart: flag,
  importance: perHead,
  layers: list(
    object<RoutedLayerResult>({
      shared: list(whole, 'a list of heads', { most: mostHeads }),
      active: whole,
      balance: figure,
      even: figure,
      entropy: figure,
    }),
    'a list of layers',
    { most: mostLayers },
  ),
  loads: perHead,
  active: figure,
  curve: list(
    object<CurvePoint>({ active: figure, loss: figure, kl: figure, fixedLoss: figure, fixedKl: figure }),
    'a curve',
    { most: 256 },
  ),
  comparison: beforeAfterField,
  difference: orNull(figure),
});
