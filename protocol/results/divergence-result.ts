/** What the analysis `divergence` saves: its types and their schema. */
import type { Output, Schema } from '../schema/check';
import { captionScore, captionToken, imageSinks, mention, truthLabels } from './hallucination-schema';
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

export const divergenceAnalysis = { id: 'divergence', title: 'Vision-aware head divergence' } as const;

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
  /** Words that name an object of the lexicon; absent in results of earlier versions. */
  mentions: optional(list(mention, 'a list of mentions')),
  /** With a truth only. */
  score: optional(captionScore),
};

const measuredCaption = object(captionFields);
export type MeasuredCaption = Output<typeof measuredCaption>;

/** The five tables of one step, [layers][heads], as in a saved hallucination result. */
const tables = { vhd: table, textEnergy: table, visualAttention: table, outlier: flags, selected: flags };

/** T-VHD of its tokens is that of the plain model which follows the text. */
const reinforcedCaption = object({
  ...captionFields,
  reinforcement,
  /** False in layers that are not reinforced. */
  heads: flags,
  /** Factors held from the prompt on: those of the chosen heads, in the controls those of others. */
  gains: headGains(),
});
export type ReinforcedCaption = Output<typeof reinforcedCaption>;

const mostVariants = 1000;

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
  /** Queries of the prompt that were computed at once; absent in results of earlier versions. */
  chunk: optional(count),
  /** Values of the first step. */
  ...tables,
  /** Values of every step, where all were asked for; `step`: tokens generated before. */
  steps: optional(list(object({ step: whole, ...tables }), 'a list of steps')),
  sinks: optional(imageSinks),
  caption: measuredCaption,
  /**
   * At the first step, mean over the selected heads: mass on each image token, or on each token of the span; absent in results
   * that were read from a file of `headscope vhd`.
   */
  attention: optional(list(figure)),
  /** By the parameters of the run. */
  reinforced: optional(reinforcedCaption),
  /** Asked for since then, each once. */
  variants: optional(list(reinforcedCaption, 'a list of captions', { most: mostVariants })),
  /** Objects in the picture, as given; absent: words are marked, not judged. */
  truth: optional(texts),
  /** Captions of the picture by people; the objects that they name are in it too. */
  references: optional(texts),
  /** Which labels of the truth the lexicon does not know. */
  truthLabels: optional(truthLabels),
});
export type DivergenceResult = Output<typeof divergenceResult>;

/** All that were written with scaled heads, in the order of their sections. */
export const reinforcedCaptions = ({
  reinforced,
  variants = [],
}: Pick<Partial<DivergenceResult>, 'reinforced' | 'variants'>): readonly ReinforcedCaption[] => [
  ...(reinforced ? [reinforced] : []),
  ...variants,
];
