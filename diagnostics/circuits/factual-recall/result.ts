/** The result of the analysis `factual-recall`, and its schema. */
import { functionPoint } from './function-test';
import { layers, suppression } from './suppression';
import { directions } from './decomposition';
import { correctedSchema } from './correction';
import { neutral } from './neutral-text';
import type { Output, Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { mostHeads } from '../../../protocol/schema/parts';
import { senders } from './parameters';

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];

const perHead: Schema<PerHead> = layers(list(figure, 'a list of heads', { most: mostHeads }));
const place = object({ layer: whole, head: whole });
const places = list(place, 'a list of heads');
/** Medians and quartiles of ranks over prompts, by point of the stream (`pointNames`). */
const curve = object({ median: layers(figure), low: layers(figure), high: layers(figure) });
export type RankCurve = Output<typeof curve>;

const factRow = object({
  topic: text,
  answer: text,
  prompts: count,
  /** Means over its prompts. */
  probability: figure,
  rank: figure,
  among: figure,
});
export type FactRow = Output<typeof factRow>;

/** What the output of one head alone gives as a residual stream: medians over prompts of the ranks. */
const headReads = object({
  layer: whole,
  head: whole,
  topic: figure,
  answer: figure,
  /** With the final norm frozen at the scale of the whole stream. */
  topicFrozen: figure,
  answerFrozen: figure,
});
export type HeadReads = Output<typeof headReads>;

const mlpFound = object({
  layer: whole,
  r2: figure,
  heldR2: figure,
  condition: figure,
  summedR2: figure,
  summedHeldR2: figure,
  summedWeight: figure,
  streamR2: figure,
  streamHeldR2: figure,
  weights: list(object({ layer: whole, head: whole, weight: figure }), 'a list'),
  /** w of the rest of the stream. */
  rest: figure,
  /** Length of c over the mean length of the outputs. */
  interceptShare: figure,
  directions: optional(directions),
  /** Tokens that c puts first, read as a residual stream; their logits. */
  top: list(object({ token: text, logit: figure }), 'a list of tokens', { most: 64 }),
});
export type MlpFound = Output<typeof mlpFound>;

export const recallResult = object({
  task: text,
  prompts: count,
  fitted: count,
  held: count,
  heldBy: oneOf(['template', 'prompt']),
  answers: count,
  sender: oneOf(senders),
  freezeMlps: flag,
  threshold: figure,
  /** Prompts whose answer has more tokens than the one that is looked at. */
  longAnswers: whole,
  facts: optional(list(factRow, 'a list of facts')),
  topicRank: optional(curve),
  answerRank: optional(curve),
  candidateRank: optional(curve),
  /** [layers][heads]: mean attention of the last position to the topic. */
  toTopic: optional(perHead),
  heads: optional(
    object({
      effect: perHead,
      low: perHead,
      high: perHead,
      beyondChance: optional(layers(list(flag, 'a list of heads', { most: mostHeads }))),
      relative: perHead,
      prompts: count,
    }),
  ),
  movers: optional(places),
  reads: optional(list(headReads, 'a list of heads')),
  mlps: optional(layers(mlpFound)),
  bare: optional(functionPoint),
  tried: optional(list(functionPoint, 'a list of points')),
  suppression: optional(suppression),
  frequentBy: optional(oneOf(['text', 'vocabulary'])),
  suppressing: optional(places),
  corrected: optional(list(correctedSchema, 'a list of settings')),
  /** In the order of `corrected`; absent where the model reads no text. */
  neutral: optional(list(neutral, 'a list of settings')),
  /** Largest relative errors of the sums: of the writes of heads, of the stream, of the parts of a logit. */
  check: optional(object({ heads: figure, stream: figure, logit: figure })),
});
export type RecallResult = Output<typeof recallResult>;
