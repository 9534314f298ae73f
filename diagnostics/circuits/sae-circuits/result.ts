/** The result of the analysis `sae-circuits`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import {
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  whole,
  wholes,
} from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { modes } from '../../shared/effects/stand-ins';
import { curvesSchema } from '../../shared/training/curves';
import { decoderNorms, reductions } from './parameters';
import { measuredMean } from '../../shared/statistics/proportion';

export type PerHead = readonly (readonly number[])[];

/** `untrained`: the node score by the codes of autoencoders before their first step. */
const rankingNames = ['node', 'edge', 'untrained', 'difference', 'separation'] as const;
export type RankingName = (typeof rankingNames)[number];

const orderNames = ['node', 'difference', 'random', 'reference'] as const;
export type OrderName = (typeof orderNames)[number];

const perHead = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
/** [layers][heads]: mean over trainings, and its 95 % interval (Student's t; NaN of one training). */
const scores = object({
  mean: perHead(figure),
  low: perHead(figure),
  high: perHead(figure),
});
export type Scores = Output<typeof scores>;

const place = object({ layer: whole, head: whole });

const trainingSummary = object({
  /** From 1. */
  number: count,
  /** At the last step, and at the first. */
  loss: figure,
  firstLoss: figure,
  /**
   * Mean of |x' - x|^2 over training examples, and over the others, as a share of the mean of |x - m|^2 over all examples and heads,
   * m the mean of all x. NaN where there are no others.
   */
  unexplained: figure,
  unexplainedOthers: figure,
  /** Mean number of features above 0, and number of different codes, over all examples and heads. */
  active: figure,
  codes: whole,
  /** Areas under the ROC curve, where there is a reference. */
  nodeArea: optional(figure),
  edgeArea: optional(figure),
});
export type TrainingSummary = Output<typeof trainingSummary>;

/** One code of one head, in the first training. */
const codeRow = object({
  layer: whole,
  head: whole,
  code: whole,
  /** Prompts and counterparts that have it. */
  prompts: whole,
  counterparts: whole,
  /** Their numbers, from 1. */
  which: text,
});
export type CodeRow = Output<typeof codeRow>;

const reference = object({
  heads: list(place),
  /** Where it is from, in a sentence. */
  from: text,
});
export type Reference = Output<typeof reference>;

const curvePoint = object({ taken: whole, falsePositives: figure, truePositives: figure, precision: figure });
export type CurvePoint = Output<typeof curvePoint>;

/** How a ranking finds the heads of the reference. */
const rankingScore = object({
  name: oneOf(rankingNames),
  area: figure,
  /** Mean area of single trainings, and its 95 % interval (Student's t); absent of what has no autoencoder. */
  each: optional(measuredMean),
  averagePrecision: figure,
  f1: figure,
  /** At the threshold with this F1. */
  taken: whole,
  precision: figure,
  recall: figure,
  curve: list(curvePoint),
});
export type RankingScore = Output<typeof rankingScore>;

const verifiedPoint = object({
  /** Heads taken away. */
  taken: whole,
  /** Mean metric over prompts with its 95 % interval (Student's t); of random orders the mean, least and most of their means. */
  mean: figure,
  low: figure,
  high: figure,
});
export type VerifiedPoint = Output<typeof verifiedPoint>;

const verification = object({
  mode: oneOf(modes),
  metric: oneOf(effectMetrics),
  prompts: count,
  randomSets: count,
  /** With all heads, and with none. */
  whole: figure,
  nothing: figure,
  orders: list(
    object({
      name: oneOf(orderNames),
      points: list(verifiedPoint),
    }),
  ),
});
export type Verification = Output<typeof verification>;

export const saeResult = object({
  /** Prompts that are coded, each with its counterpart. */
  pairs: count,
  held: whole,
  leftOut: optional(whole),
  features: count,
  sparsity: figure,
  steps: count,
  examples: count,
  positions: oneOf(reductions),
  decoder: oneOf(decoderNorms),
  share: flag,
  heads: wholes,
  trainings: list(trainingSummary),
  /** Loss of each training. */
  curves: list(curvesSchema),
  node: optional(scores),
  edge: optional(scores),
  difference: optional(perHead(figure)),
  separation: optional(perHead(figure)),
  norm: optional(perHead(figure)),
  /** The heads with the largest node scores, and the mean edge count of each two of them; NaN of a head with itself. */
  together: optional(object({ heads: list(place), counts: list(list(figure), 'a list of heads') })),
  /** [layers][heads][examples] in the first training: of the prompts, then of their counterparts. */
  codes: optional(perHead(wholes)),
  codeRows: optional(list(codeRow)),
  reference: optional(reference),
  rankings: optional(list(rankingScore)),
  verification: optional(verification),
});
export type SaeResult = Output<typeof saeResult>;
