/** The result of the analysis `sae-circuits`, and its schema. */
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
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
import type { HeadPlace } from '../../../protocol/sections/heads';
import { modes, type Mode } from '../ablation/result';
import { curvesSchema, type Curves } from '../../shared/training/curves';
import { decoderNorms, reductions, type DecoderNorm, type Reduction } from './parameters';

export type PerHead = readonly (readonly number[])[];

/** [layers][heads]: mean over trainings, and its 95 % interval (Student's t; NaN of one training). */
export interface Scores {
  readonly mean: PerHead;
  readonly low: PerHead;
  readonly high: PerHead;
}

export interface TrainingSummary {
  /** From 1. */
  readonly number: number;
  /** At the last step, and at the first. */
  readonly loss: number;
  readonly firstLoss: number;
  /**
   * Mean of |x' - x|^2 over training examples, and over the others, as a share of the mean of |x - m|^2 over all examples and heads,
   * m the mean of all x. NaN where there are no others.
   */
  readonly unexplained: number;
  readonly unexplainedOthers: number;
  /** Mean number of features above 0, and number of different codes, over all examples and heads. */
  readonly active: number;
  readonly codes: number;
  /** Areas under the ROC curve, where there is a reference. */
  readonly nodeArea?: number;
  readonly edgeArea?: number;
}

/** `untrained`: the node score by the codes of autoencoders before their first step. */
export const rankingNames = ['node', 'edge', 'untrained', 'difference', 'separation'] as const;
export type RankingName = (typeof rankingNames)[number];

export interface CurvePoint {
  readonly taken: number;
  readonly falsePositives: number;
  readonly truePositives: number;
  readonly precision: number;
}

/** How a ranking finds the heads of the reference. */
export interface RankingScore {
  readonly name: RankingName;
  readonly area: number;
  /** Mean area of single trainings, and its 95 % interval (Student's t); absent of what has no autoencoder. */
  readonly each?: { readonly mean: number; readonly low: number; readonly high: number };
  readonly averagePrecision: number;
  readonly f1: number;
  /** At the threshold with this F1. */
  readonly taken: number;
  readonly precision: number;
  readonly recall: number;
  readonly curve: readonly CurvePoint[];
}

export interface Reference {
  readonly heads: readonly HeadPlace[];
  /** Where it is from, in a sentence. */
  readonly from: string;
}

/** One code of one head, in the first training. */
export interface CodeRow extends HeadPlace {
  readonly code: number;
  /** Prompts and counterparts that have it. */
  readonly prompts: number;
  readonly counterparts: number;
  /** Their numbers, from 1. */
  readonly which: string;
}

export const orderNames = ['node', 'difference', 'random', 'reference'] as const;
export type OrderName = (typeof orderNames)[number];

export interface VerifiedPoint {
  /** Heads taken away. */
  readonly taken: number;
  /** Mean metric over prompts with its 95 % interval (Student's t); of random orders the mean, least and most of their means. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface Verification {
  readonly mode: Mode;
  readonly metric: TaskMetric;
  readonly prompts: number;
  readonly randomSets: number;
  /** With all heads, and with none. */
  readonly whole: number;
  readonly nothing: number;
  readonly orders: readonly { readonly name: OrderName; readonly points: readonly VerifiedPoint[] }[];
}

interface SaeFields {
  /** Prompts that are coded, each with its counterpart. */
  readonly pairs: number;
  readonly held: number;
  readonly leftOut?: number;
  readonly features: number;
  readonly sparsity: number;
  readonly steps: number;
  readonly examples: number;
  readonly positions: Reduction;
  readonly decoder: DecoderNorm;
  readonly share: boolean;
  readonly heads: readonly number[];
  readonly trainings: readonly TrainingSummary[];
  /** Loss of each training. */
  readonly curves: readonly Curves[];
  readonly node?: Scores;
  readonly edge?: Scores;
  readonly difference?: PerHead;
  readonly separation?: PerHead;
  readonly norm?: PerHead;
  /** The heads with the largest node scores, and the mean edge count of each two of them; NaN of a head with itself. */
  readonly together?: { readonly heads: readonly HeadPlace[]; readonly counts: PerHead };
  /** [layers][heads][examples] in the first training: of the prompts, then of their counterparts. */
  readonly codes?: readonly (readonly (readonly number[])[])[];
  readonly codeRows?: readonly CodeRow[];
  readonly reference?: Reference;
  readonly rankings?: readonly RankingScore[];
  readonly verification?: Verification;
}

export interface SaeResult extends SaeFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<SaeFields, keyof SaeFields>;

const perHead = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
const scores: Schema<Scores> = object<Scores>({
  mean: perHead(figure),
  low: perHead(figure),
  high: perHead(figure),
});
const place: Schema<HeadPlace> = object<HeadPlace>({ layer: whole, head: whole });

export const saeResult: Schema<SaeResult> = object<Named>({
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
  trainings: list(
    object<TrainingSummary>({
      number: count,
      loss: figure,
      firstLoss: figure,
      unexplained: figure,
      unexplainedOthers: figure,
      active: figure,
      codes: whole,
      nodeArea: optional(figure),
      edgeArea: optional(figure),
    }),
  ),
  curves: list(curvesSchema),
  node: optional(scores),
  edge: optional(scores),
  difference: optional(perHead(figure)),
  separation: optional(perHead(figure)),
  norm: optional(perHead(figure)),
  together: optional(
    object<NonNullable<Named['together']>>({ heads: list(place), counts: list(list(figure), 'a list of heads') }),
  ),
  codes: optional(perHead(wholes)),
  codeRows: optional(
    list(object<CodeRow>({ layer: whole, head: whole, code: whole, prompts: whole, counterparts: whole, which: text })),
  ),
  reference: optional(object<Reference>({ heads: list(place), from: text })),
  rankings: optional(
    list(
      object<RankingScore>({
        name: oneOf(rankingNames),
        area: figure,
        each: optional(object<NonNullable<RankingScore['each']>>({ mean: figure, low: figure, high: figure })),
        averagePrecision: figure,
        f1: figure,
        taken: whole,
        precision: figure,
        recall: figure,
        curve: list(
          object<CurvePoint>({ taken: whole, falsePositives: figure, truePositives: figure, precision: figure }),
        ),
      }),
    ),
  ),
  verification: optional(
    object<Verification>({
      mode: oneOf(modes),
      metric: oneOf(taskMetrics),
      prompts: count,
      randomSets: count,
      whole: figure,
      nothing: figure,
      orders: list(
        object<Verification['orders'][number]>({
          name: oneOf(orderNames),
          points: list(object<VerifiedPoint>({ taken: whole, mean: figure, low: figure, high: figure })),
        }),
      ),
    }),
  ),
});
