/** The result of `amp`, and its schema. */
import { histogramBin } from './histogram';
import type { Output } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, orNull, text, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostLayers } from '../../../protocol/schema/parts';
import { beforeAfterField } from '../../shared/conversions/before-after';
import { criteria } from './parameters';

const figures = list(figure, 'a list of numbers');
const removedLayer = object({
  /** Key/value heads, each with its query heads. */
  groups: list(whole, 'a list of heads'),
  units: list(whole, 'a list of units'),
});

const curvePoint = object({
  /** Wanted share of all parameters, and the per cent of them that is removed. */
  share: figure,
  percent: figure,
  /** Loss on the held-out texts, nats/token: without the lowest scores, the highest, and each random set. */
  standard: figure,
  reversed: figure,
  random: figures,
  randomMean: figure,
  randomLow: figure,
  randomHigh: figure,
});
export type CurvePoint = Output<typeof curvePoint>;

const otherScore = object({
  name: text,
  values: figuresPerHead,
  /** Spearman's rank correlation with the score, over all heads. */
  rho: figure,
  low: figure,
  high: figure,
});
export type OtherScore = Output<typeof otherScore>;

export const ampResult = object({
  criterion: oneOf(criteria),
  /** Texts that scores are measured on, and texts that losses are measured on. */
  calibration: count,
  heldOut: count,
  /** Whether these are different texts. */
  apart: flag,
  /** [layers][heads]: the score that decides (`criterion`), and the size of what heads write. */
  scores: figuresPerHead,
  magnitude: figuresPerHead,
  /** [layers][key/value heads]: sums of `scores`, which whole groups are chosen by. */
  groupScores: figuresPerHead,
  /** [layers][heads]: `scores` / sum of those of the layer. */
  shares: figuresPerHead,
  histogram: list(histogramBin, 'a list of bins', { most: 256 }),
  /** [layers][units] */
  unitScores: list(figures, 'a list of layers', { most: mostLayers }),
  share: figure,
  realised: figure,
  /** Bounds over all parameters: of |realised - share| by rounding, and whether an end (one head, one unit left) was met. */
  bound: figure,
  capped: flag,
  /** By layer. */
  removed: list(removedLayer, 'a list of layers', { most: mostLayers }),
  /** Loss before, on the held-out texts, nats/token. */
  loss: figure,
  curve: list(curvePoint, 'a curve', { most: 256 }),
  /** Change of `loss` with one layer pruned alone, nats/token. */
  byLayer: figures,
  others: list(otherScore, 'a list', {
    most: 8,
  }),
  comparison: beforeAfterField,
  /** Largest difference of a logit between the checkpoint and the gains of 0, on the first held-out text; null: none was written. */
  surgery: orNull(figure),
});
export type AmpResult = Output<typeof ampResult>;
