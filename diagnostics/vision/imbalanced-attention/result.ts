/** What the analysis `imbalanced-attention` saves. */
import type { Output, Schema } from '../../../protocol/schema/check';
import {
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { type Grounding, type Share } from './grounding';
import { headModes } from './parameters';

// A type and no interface: results are records.
/** Sets that the picture shows; summary tokens are raised by beta alone, also where they are local. */
export const setNames = ['local', 'local and spatial', 'spatial', 'summary'] as const;

const figures = list(figure, 'a list of numbers', { most: 2 ** 16 });
const perHead = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
const perLayer = list(figure, 'a list of layers', { most: mostLayers });
const rows = list(whole, 'a list of rows', { most: 2 ** 16 });

const grounding = {
  perHead: object({
    image: perHead,
    system: perHead,
    question: perHead,
    output: perHead,
    raised: perHead,
    summary: perHead,
  }),
  perLayer: object({
    image: perLayer,
    system: perLayer,
    question: perLayer,
    output: perLayer,
    raised: perLayer,
    summary: perLayer,
  }),
  imageByToken: list(figures, 'a list of layers', { most: mostLayers }),
  imageOfToken: figures,
  image: figure,
} satisfies Record<keyof Grounding, unknown> & { perLayer: Schema<Readonly<Record<Share, readonly number[]>>> };

/** CHAIR of one caption. */
const captionFigures = object({
  /** Words. */
  length: whole,
  /** Mentions of objects, repeats counted. */
  mentions: whole,
  /** Those of objects that the picture does not have. */
  hallucinated: whole,
  /** hallucinated / mentions; NaN without a mention. */
  chairI: figure,
  /** Distinct true objects mentioned / true objects. */
  recall: figure,
  f1: figure,
});
export type CaptionFigures = Output<typeof captionFigures>;

const caption = object({
  ...grounding,
  text,
  tokens: texts,
  /** Cut after so many tokens; absent: it ended by itself. */
  stoppedAt: optional(whole),
  /** What is wrong with the text, as a sentence. */
  broken: optional(text),
  /** Where a truth is given. */
  figures: optional(captionFigures),
});
export type GroundedCaption = Output<typeof caption>;

const sweepPoint = object({
  alpha: number,
  /** Mass on the picture, mean over tokens, layers and heads. */
  image: figure,
  words: whole,
  text,
  /** What is wrong with the text, as a sentence. */
  broken: optional(text),
  /** The same tokens as the plain caption. */
  same: flag,
  figures: optional(captionFigures),
});
export type SweepPoint = Output<typeof sweepPoint>;

export const imbalancedResult = object({
  image: imageSpan,
  /** Tokens of the whole picture: P. */
  patches: whole,
  /** By image token; NaN of those that do not show the whole picture. */
  localScores: figures,
  summaryScores: figures,
  spatialScores: figures,
  /** By image token: the set, in the order of `setNames`; -1 for none. */
  sets: list(number, 'a list of sets', { most: 2 ** 16 }),
  /** Rows of the prompt, rising: raised by alpha. */
  top: rows,
  /** By beta. */
  bottom: rows,
  /** What was chosen where the paper leaves a choice. */
  notes: texts,
  alpha: number,
  beta: number,
  layers: list(whole, 'a list of layers', { most: mostLayers }),
  heads: oneOf(headModes),
  before: caption,
  /** [layers][heads]: factor on alpha and beta where heads are weighted by sensitivity. */
  weights: perHead,
  after: caption,
  sweep: list(sweepPoint, 'a list of alphas', { most: 64 }),
});
export type ImbalancedResult = Output<typeof imbalancedResult>;
