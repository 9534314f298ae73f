import type { Output } from '../../../protocol/schema/check';
import { figure, list, number, object, optional, text, whole, wholes } from '../../../protocol/schema/fields';
import { imageSpan } from '../../../protocol/schema/parts';

/** Tokens of the text before the answer whose relevance is kept: the last ones. */
export const mostText = 256;

const figures = list(figure, 'a list of numbers', { most: 65_536 });
const tokens = list(text, 'a list of tokens', { most: 65_536 });

/** Shares of what a token's prediction reads by the rollout: of r without its start, they sum to 1; NaN where r is 0. */
const relevanceShares = object({
  seen: figure,
  /** The first row, where it is not seen: a token that draws attention whatever it says. */
  first: figure,
  prompt: figure,
  answer: figure,
});
export type RelevanceShares = Output<typeof relevanceShares>;

const agreement = object({
  /** Spearman's rank correlations over the squares. */
  occlusionRollout: figure,
  occlusionAttention: figure,
  rolloutAttention: figure,
  /** Share of the squares in the first tenth by occlusion that are in the first tenth by rollout too. */
  topRollout: figure,
  /** The same share for attention. */
  topAttention: figure,
});
export type Agreement = Output<typeof agreement>;

/** A token of the answer. Lists are empty as long as they are not measured. */
const relevantToken = object({
  id: whole,
  text,
  probability: figure,
  /** Nats that it loses without what is seen. */
  whole: figure,
  /** Nats that it loses without `region`. */
  region: optional(figure),
  /** By row that is seen: attention of the query that predicts it, mean over layers and heads. */
  attention: figures,
  attentionOnSeen: figure,
  /** By row that is seen: r, in units of the logit. */
  rollout: figures,
  /** r of the tokens of `text` and of those of the answer before it; NaN for later ones. */
  rolloutOnText: figures,
  shares: optional(relevanceShares),
  /** Nats that it loses without each square. */
  occlusion: figures,
  agreement: optional(agreement),
});
export type RelevantToken = Output<typeof relevantToken>;

/** Nats lost when the most relevant squares are hidden, by share of the squares. */
const deletionCurve = object({
  name: text,
  values: figures,
  /** Smallest and largest of the draws, of squares in random order. */
  low: optional(figures),
  high: optional(figures),
  /** Mean over the shares. */
  mean: figure,
});
export type DeletionCurve = Output<typeof deletionCurve>;

export const relevanceResult = object({
  /** Rows of the sequence; of a picture in the order of its image tokens. */
  seen: wholes,
  /** The tokens of the prompt that are seen. */
  seenTokens: tokens,
  /** As it was written; absent: the picture. */
  span: optional(text),
  image: optional(imageSpan),
  side: whole,
  /** Places among `seen`. */
  squares: list(wholes, 'a list of squares', { most: 65_536 }),
  /** Rows of the prompt that are not seen, the last `mostText`. */
  text: wholes,
  textTokens: tokens,
  /** A part that is hidden as a whole, and its rows. */
  region: optional(object({ written: text, rows: wholes })),
  words: list(relevantToken, 'a list of tokens', { most: 256 }),
  /** Mean over the tokens at `of`. */
  deletion: optional(
    object({
      of: wholes,
      shares: list(number, 'a list of shares', { most: 64 }),
      draws: whole,
      curves: list(deletionCurve, 'a list of curves', { most: 16 }),
    }),
  ),
});
export type RelevanceResult = Output<typeof relevanceResult>;
