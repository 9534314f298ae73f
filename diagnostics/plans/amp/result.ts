/** The result of `amp`, and its schema. */
import type { PerHead } from '../../../protocol/results/heads';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, orNull, text, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostLayers } from '../../../protocol/schema/parts';
import { beforeAfterField, type BeforeAfter } from '../../shared/conversions/before-after';
import type { HistogramBin } from './histogram';
import { criteria, type Criterion } from './parameters';

export interface CurvePoint {
  /** Wanted share of all parameters, and the per cent of them that is removed. */
  readonly share: number;
  readonly percent: number;
  /** Loss on the held-out texts, nats/token: without the lowest scores, the highest, and each random set. */
  readonly standard: number;
  readonly reversed: number;
  readonly random: readonly number[];
  readonly randomMean: number;
  readonly randomLow: number;
  readonly randomHigh: number;
}

export interface RemovedLayer {
  /** Key/value heads, each with its query heads. */
  readonly groups: readonly number[];
  readonly units: readonly number[];
}

export interface OtherScore {
  readonly name: string;
  readonly values: PerHead;
  /** Spearman's rank correlation with the score, over all heads. */
  readonly rho: number;
  readonly low: number;
  readonly high: number;
}

export interface AmpResult extends Readonly<Record<string, unknown>> {
  readonly criterion: Criterion;
  /** Texts that scores are measured on, and texts that losses are measured on. */
  readonly calibration: number;
  readonly heldOut: number;
  /** Whether these are different texts. */
  readonly apart: boolean;
  /** [layers][heads]: the score that decides (`criterion`), and the size of what heads write. */
  readonly scores: PerHead;
  readonly magnitude: PerHead;
  /** [layers][key/value heads]: sums of `scores`, which whole groups are chosen by. */
  readonly groupScores: PerHead;
  /** [layers][heads]: `scores` / sum of those of the layer. */
  readonly shares: PerHead;
  readonly histogram: readonly HistogramBin[];
  /** [layers][units] */
  readonly unitScores: readonly (readonly number[])[];
  readonly share: number;
  readonly realised: number;
  /** Of all parameters: the bound of |realised - share| by rounding, and whether an end (one head, one unit left) was met. */
  readonly bound: number;
  readonly capped: boolean;
  /** By layer. */
  readonly removed: readonly RemovedLayer[];
  /** Loss before, on the held-out texts, nats/token. */
  readonly loss: number;
  readonly curve: readonly CurvePoint[];
  /** Change of `loss` with one layer pruned alone, nats/token. */
  readonly byLayer: readonly number[];
  readonly others: readonly OtherScore[];
  readonly comparison: BeforeAfter;
  /** Largest difference of a logit between the checkpoint and the gains of 0, on the first held-out text; null: none was written. */
  readonly surgery: number | null;
}

const figures = list(figure, 'a list of numbers');
const removedLayer = object<RemovedLayer>({
  groups: list(whole, 'a list of heads'),
  units: list(whole, 'a list of units'),
});

export const ampResult: Schema<AmpResult> = object<AmpResult>({
  criterion: oneOf(criteria),
  calibration: count,
  heldOut: count,
  apart: flag,
  scores: figuresPerHead,
  magnitude: figuresPerHead,
  groupScores: figuresPerHead,
  shares: figuresPerHead,
  histogram: list(object<HistogramBin>({ log: figure, kept: whole, removed: whole }), 'a list of bins', { most: 256 }),
  unitScores: list(figures, 'a list of layers', { most: mostLayers }),
  share: figure,
  realised: figure,
  bound: figure,
  capped: flag,
  removed: list(removedLayer, 'a list of layers', { most: mostLayers }),
  loss: figure,
  curve: list(
    object<CurvePoint>({
      share: figure,
      percent: figure,
      standard: figure,
      reversed: figure,
      random: figures,
      randomMean: figure,
      randomLow: figure,
      randomHigh: figure,
    }),
    'a curve',
    { most: 256 },
  ),
  byLayer: figures,
  others: list(
    object<OtherScore>({ name: text, values: figuresPerHead, rho: figure, low: figure, high: figure }),
    'a list',
    {
      most: 8,
    },
  ),
  comparison: beforeAfterField,
  surgery: orNull(figure),
});
