/** The result of `moh`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, orNull, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { curvesSchema } from '../../shared/training/curves';
import { beforeAfterField } from '../../shared/conversions/before-after';

/** On held-out texts. */
const measures = object({
  /** Mean KL(model || routed) of the next token, nats. */
  kl: figure,
  /** nats/token; of a task over its answers. */
  loss: figure,
  /** Means over layers; definitions in tuning.ts. */
  balance: figure,
  ratio: figure,
  entropy: figure,
});
export type TuningMeasures = Output<typeof measures>;

const curvePoint = object({
  /** Per cent of all query heads that a token has. */
  active: figure,
  /** Loss on the held-out texts, nats/token, and KL(model || changed) of next-token distributions, nats. */
  loss: figure,
  kl: figure,
  /** The same with as many heads for every token: those of the largest importance. */
  fixedLoss: figure,
  fixedKl: figure,
});
export type CurvePoint = Output<typeof curvePoint>;

const tuningArm = object({
  /** Weight of the balance loss. */
  balance: figure,
  after: measures,
  /** Measures: those of `TuningMeasures` but the loss. */
  curves: curvesSchema,
});
export type TuningArm = Output<typeof tuningArm>;

const tuning = object({
  steps: whole,
  /** Whether it was measured on other texts than those of the training. */
  apart: flag,
  /** Texts of the training, and held-out texts of all measures but the loss. */
  trained: whole,
  tested: whole,
  /** Routed and not tuned. */
  before: measures,
  /** The first is the model that is kept. */
  arms: list(tuningArm, 'a list of trainings', {
    most: 2,
  }),
});
export type Tuning = Output<typeof tuning>;

export const mohResult = object({
  calibration: count,
  heldOut: count,
  /** Whether these are different texts. */
  apart: flag,
  /** |d loss / d gain| of each head, mean over calibration texts, nats. */
  importance: figuresPerHead,
  /** By layer; definitions in routing.ts. */
  layers: list(
    object({
      shared: list(whole, 'a list of heads', { most: mostHeads }),
      active: whole,
      balance: figure,
      even: figure,
      entropy: figure,
    }),
    'a list of layers',
    { most: mostLayers },
  ),
  /** [layers][heads]: share of the calibration tokens that have the head. */
  loads: figuresPerHead,
  /** Active heads / heads of the model. */
  active: figure,
  curve: list(curvePoint, 'a curve', { most: 256 }),
  comparison: beforeAfterField,
  /** Largest difference of a logit between the checkpoint and the intervention, on the first held-out text; null: none was written, or it was tuned. */
  difference: orNull(figure),
  tuning: orNull(tuning),
});
export type MohResult = Output<typeof mohResult>;
