/** What the analysis `divergence` saves: its types and their schema. */
import type { Output, Schema } from '../schema/check';
import { captionToken, imageSinks } from './hallucination-schema';
import {
  reinforcement,
  removedPart,
  outlierRules,
  removedPositions,
  vhdDistances,
} from '../interventions/reinforcement';
import type { FlagPerHead, PerHead } from './heads';
import { count, figure, flag, list, object, oneOf, optional, text, texts, whole } from '../schema/fields';
import { headGains, imageSpan, mostHeads, mostLayers } from '../schema/parts';

const table: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const flags: Schema<FlagPerHead> = list(list(flag, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});

const captionFields = {
  text,
  tokens: list(captionToken, 'a list of tokens'),
  /** Cut after so many tokens; absent: it ended by itself. */
  stoppedAt: optional(whole),
  /** What is wrong with the text, as a sentence. */
  broken: optional(text),
};

const measuredCaption = object(captionFields);
export type MeasuredCaption = Output<typeof measuredCaption>;

/** T-VHD of its tokens is that of the plain model which follows the text. */
const reinforcedCaption = object({
  ...captionFields,
  reinforcement,
  /** False in layers that are not reinforced. */
  heads: flags,
  gains: headGains(),
});
export type ReinforcedCaption = Output<typeof reinforcedCaption>;

export const divergenceResult = object({
  removed: removedPart,
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  /** Heads of each layer that T-VHD adds up. */
  k: count,
  /** Absent where a span of text is removed. */
  image: optional(imageSpan),
  /** Tokens of the span; absent for a picture. */
  span: optional(texts),
  /** The five tables of the first step, as in a saved hallucination result. */
  vhd: table,
  textEnergy: table,
  visualAttention: table,
  outlier: flags,
  selected: flags,
  sinks: optional(imageSinks),
  caption: measuredCaption,
  /** At the first step, mean over the selected heads: mass on each image token, or on each token of the span. */
  attention: list(figure),
  reinforced: optional(reinforcedCaption),
});
export type DivergenceResult = Output<typeof divergenceResult>;
