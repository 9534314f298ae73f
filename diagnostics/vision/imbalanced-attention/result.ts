/** What the analysis `imbalanced-attention` saves. */
import type { ImageSpan } from '../../../protocol/results/image';
import type { Schema } from '../../../protocol/schema/check';
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
import { headModes, type HeadMode } from './parameters';

/** CHAIR of one caption. */
export interface CaptionFigures {
  /** Words. */
  readonly length: number;
  /** Mentions of objects, repeats counted. */
  readonly mentions: number;
  /** Those of objects that the picture does not have. */
  readonly hallucinated: number;
  /** hallucinated / mentions; NaN without a mention. */
  readonly chairI: number;
  /** Distinct true objects mentioned / true objects. */
  readonly recall: number;
  readonly f1: number;
}

export interface GroundedCaption extends Grounding {
  readonly text: string;
  readonly tokens: readonly string[];
  /** Cut after so many tokens; absent: it ended by itself. */
  readonly stoppedAt?: number;
  /** What is wrong with the text, as a sentence. */
  readonly broken?: string;
  /** Where a truth is given. */
  readonly figures?: CaptionFigures;
}

export interface SweepPoint {
  readonly alpha: number;
  /** Mass on the picture, mean over tokens, layers and heads. */
  readonly image: number;
  readonly words: number;
  readonly text: string;
  /** What is wrong with the text, as a sentence. */
  readonly broken?: string;
  /** The same tokens as the plain caption. */
  readonly same: boolean;
  readonly figures?: CaptionFigures;
}

// A type and no interface: results are records.
export type ImbalancedResult = {
  readonly image: ImageSpan;
  /** Tokens of the whole picture: P. */
  readonly patches: number;
  /** By image token; NaN of those that do not show the whole picture. */
  readonly localScores: readonly number[];
  readonly summaryScores: readonly number[];
  readonly spatialScores: readonly number[];
  /** By image token: the set, in the order of `setNames`; -1 for none. */
  readonly sets: readonly number[];
  /** Rows of the prompt, rising: raised by alpha. */
  readonly top: readonly number[];
  /** By beta. */
  readonly bottom: readonly number[];
  /** What was chosen where the paper leaves a choice. */
  readonly notes: readonly string[];
  readonly alpha: number;
  readonly beta: number;
  readonly layers: readonly number[];
  readonly heads: HeadMode;
  readonly before: GroundedCaption;
  /** [layers][heads]: factor on alpha and beta where heads are weighted by sensitivity. */
  readonly weights: readonly (readonly number[])[];
  readonly after: GroundedCaption;
  readonly sweep: readonly SweepPoint[];
};

/** Sets that the picture shows; summary tokens are raised by beta alone, also where they are local. */
export const setNames = ['local', 'local and spatial', 'spatial', 'summary'] as const;

const figures = list(figure, 'a list of numbers', { most: 2 ** 16 });
const perHead = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
const perLayer = list(figure, 'a list of layers', { most: mostLayers });
const rows = list(whole, 'a list of rows', { most: 2 ** 16 });

const grounding = {
  perHead: object<Grounding['perHead']>({
    image: perHead,
    system: perHead,
    question: perHead,
    output: perHead,
    raised: perHead,
    summary: perHead,
  }),
  perLayer: object<Grounding['perLayer']>({
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

const captionFigures: Schema<CaptionFigures> = object<CaptionFigures>({
  length: whole,
  mentions: whole,
  hallucinated: whole,
  chairI: figure,
  recall: figure,
  f1: figure,
});

const caption: Schema<GroundedCaption> = object<GroundedCaption>({
  ...grounding,
  text,
  tokens: texts,
  stoppedAt: optional(whole),
  broken: optional(text),
  figures: optional(captionFigures),
});

export const imbalancedResult: Schema<ImbalancedResult> = object<ImbalancedResult>({
  image: imageSpan,
  patches: whole,
  localScores: figures,
  summaryScores: figures,
  spatialScores: figures,
  sets: list(number, 'a list of sets', { most: 2 ** 16 }),
  top: rows,
  bottom: rows,
  notes: texts,
  alpha: number,
  beta: number,
  layers: list(whole, 'a list of layers', { most: mostLayers }),
  heads: oneOf(headModes),
  before: caption,
  weights: perHead,
  after: caption,
  sweep: list(
    object<SweepPoint>({
      alpha: number,
      image: figure,
      words: whole,
      text,
      broken: optional(text),
      same: flag,
      figures: optional(captionFigures),
    }),
    'a list of alphas',
    { most: 64 },
  ),
});
