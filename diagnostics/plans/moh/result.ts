/** The result of `moh`, and its schema. */
import type { PerHead } from '../../../protocol/results/heads';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, orNull, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { curvesSchema, type Curves } from '../../shared/training/curves';
import { beforeAfterField, type BeforeAfter } from '../../shared/conversions/before-after';

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

/** On held-out texts. */
export interface TuningMeasures {
  /** Mean KL(model || routed) of the next token, nats. */
  readonly kl: number;
  /** nats/token; of a task over its answers. */
  readonly loss: number;
  /** Means over layers; definitions in tuning.ts. */
  readonly balance: number;
  readonly ratio: number;
  readonly entropy: number;
}

export interface TuningArm {
  /** Weight of the balance loss. */
  readonly balance: number;
  readonly after: TuningMeasures;
  /** Measures: those of `TuningMeasures` but the loss. */
  readonly curves: Curves;
}

export interface Tuning {
  readonly steps: number;
  /** Whether it was measured on other texts than those of the training. */
  readonly apart: boolean;
  /** Texts of the training, and held-out texts of all measures but the loss. */
  readonly trained: number;
  readonly tested: number;
  /** Routed and not tuned. */
  readonly before: TuningMeasures;
  /** The first is the model that is kept. */
  readonly arms: readonly TuningArm[];
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
  /** Largest difference of a logit between the checkpoint and the intervention, on the first held-out text; null: none was written, or it was tuned. */
  readonly difference: number | null;
  readonly tuning: Tuning | null;
}

const measures: Schema<TuningMeasures> = object<TuningMeasures>({
  kl: figure,
  loss: figure,
  balance: figure,
  ratio: figure,
  entropy: figure,
});

export const mohResult: Schema<MohResult> = object<MohResult>({
  calibration: count,
  heldOut: count,
  apart: flag,
  importance: figuresPerHead,
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
  loads: figuresPerHead,
  active: figure,
  curve: list(
    object<CurvePoint>({ active: figure, loss: figure, kl: figure, fixedLoss: figure, fixedKl: figure }),
    'a curve',
    { most: 256 },
  ),
  comparison: beforeAfterField,
  difference: orNull(figure),
  tuning: orNull(
    object<Tuning>({
      steps: whole,
      apart: flag,
      trained: whole,
      tested: whole,
      before: measures,
      arms: list(object<TuningArm>({ balance: figure, after: measures, curves: curvesSchema }), 'a list of trainings', {
        most: 2,
      }),
    }),
  ),
});
