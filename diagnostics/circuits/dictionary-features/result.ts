/** The result of the analysis `dictionary-features`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

const figures = list(figure, 'a list of numbers');

const readFeature = object({ feature: whole, activation: figure });

const position = object({
  /** Features above 0. */
  active: whole,
  /** |y - x|^2 / |x|^2, x what is to be given back and y what the dictionary gives; NaN where x is 0. */
  error: figure,
  /** The largest, largest first. */
  top: list(readFeature),
});
export type PositionRow = Output<typeof position>;

const feature = object({
  feature: whole,
  /** Activation at every token, 0 where it is not active. */
  activations: figures,
  /** Tokens at which it is above 0. */
  tokens: count,
  /** Its largest activation, and the first token that has it. */
  largest: figure,
  at: whole,
  /** Sum over tokens of activation x (gradient of the target's logit with respect to the place, times its row of W_dec). */
  attribution: optional(figure),
});
export type FeatureRow = Output<typeof feature>;

const headPart = object({ layer: whole, head: whole, feature: whole, part: figure });
export type HeadPart = Output<typeof headPart>;

export const dictionaryResult = object({
  dictionary: object({
    path: text,
    kind: oneOf(['relu', 'jumprelu', 'topk', 'gated']),
    reads: text,
    writes: text,
    inputs: count,
    outputs: count,
    features: count,
  }),
  tokens: texts,
  /** By token. */
  positions: list(position),
  /** Tokens that `explained` and `meanActive` are over begin here. */
  from: whole,
  /** 1 - sum |y - x|^2 / sum |x - mean of x|^2 over these tokens; NaN where x never changes. */
  explained: figure,
  /** L0: mean number of features above 0. */
  meanActive: figure,
  /** Different features that are above 0 anywhere. */
  everActive: whole,
  features: list(feature),
  /** The token whose features are taken apart by heads, and whose next token attribution is about. */
  row: whole,
  /** What attribution is about: the logit of a token, less that of another one where it is named. */
  target: optional(
    object({ token: text, id: whole, against: optional(text), againstId: optional(whole), logit: figure }),
  ),
  heads: optional(
    object({
      /** The strongest features of the token, which are taken apart. */
      features: list(readFeature),
      /** [features][layers][heads]; NaN of heads that the place does not read. */
      parts: list(list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers })),
      /** The strongest feature of each head, largest first. */
      strongest: list(headPart),
    }),
  ),
  /** Why heads or attribution are not there. */
  notes: texts,
});
export type DictionaryResult = Output<typeof dictionaryResult>;
