import type { ImageSpan } from '../../../protocol/results/image';
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, number, object, optional, text, whole, wholes } from '../../../protocol/schema/fields';
import { imageSpan } from '../../../protocol/schema/parts';

/** Tokens of the text before the answer whose relevance is kept: the last ones. */
export const mostText = 256;

/** Shares of what a token's prediction reads by the rollout: of r without its start, they sum to 1; NaN where r is 0. */
export interface RelevanceShares {
  readonly seen: number;
  /** The first row, where it is not seen: a token that draws attention whatever it says. */
  readonly first: number;
  readonly prompt: number;
  readonly answer: number;
}

export interface Agreement {
  /** Spearman's rank correlations over the squares. */
  readonly occlusionRollout: number;
  readonly occlusionAttention: number;
  readonly rolloutAttention: number;
  /** Of the tenth of the squares that occlusion ranks first, the share that is in that of the other map. */
  readonly topRollout: number;
  readonly topAttention: number;
}

/** A token of the answer. Lists are empty as long as they are not measured. */
export interface RelevantToken {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
  /** Nats that it loses without what is seen. */
  readonly whole: number;
  /** Nats that it loses without `region`. */
  readonly region?: number;
  /** By row that is seen: attention of the query that predicts it, mean over layers and heads. */
  readonly attention: readonly number[];
  readonly attentionOnSeen: number;
  /** By row that is seen: r, in units of the logit. */
  readonly rollout: readonly number[];
  /** r of the tokens of `text` and of those of the answer before it; NaN for later ones. */
  readonly rolloutOnText: readonly number[];
  readonly shares?: RelevanceShares;
  /** Nats that it loses without each square. */
  readonly occlusion: readonly number[];
  readonly agreement?: Agreement;
}

/** Nats lost when the most relevant squares are hidden, by share of the squares. */
export interface DeletionCurve {
  readonly name: string;
  readonly values: readonly number[];
  /** Smallest and largest of the draws, of squares in random order. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  /** Mean over the shares. */
  readonly mean: number;
}

export interface RelevanceResult extends Readonly<Record<string, unknown>> {
  /** Rows of the sequence; of a picture in the order of its image tokens. */
  readonly seen: readonly number[];
  /** Of the prompt, those that are seen. */
  readonly seenTokens: readonly string[];
  /** As it was written; absent: the picture. */
  readonly span?: string;
  readonly image?: ImageSpan;
  readonly side: number;
  /** Places among `seen`. */
  readonly squares: readonly (readonly number[])[];
  /** Rows of the prompt that are not seen, the last `mostText`. */
  readonly text: readonly number[];
  readonly textTokens: readonly string[];
  /** A part that is hidden as a whole, and its rows. */
  readonly region?: { readonly written: string; readonly rows: readonly number[] };
  readonly words: readonly RelevantToken[];
  /** Mean over the tokens at `of`. */
  readonly deletion?: {
    readonly of: readonly number[];
    readonly shares: readonly number[];
    readonly draws: number;
    readonly curves: readonly DeletionCurve[];
  };
}

type Named = { readonly [K in keyof RelevanceResult as string extends K ? never : K]: RelevanceResult[K] };

const figures = list(figure, 'a list of numbers', { most: 65_536 });
const tokens = list(text, 'a list of tokens', { most: 65_536 });

export const relevanceResult: Schema<RelevanceResult> = object<Named>({
  seen: wholes,
  seenTokens: tokens,
  span: optional(text),
  image: optional(imageSpan),
  side: whole,
  squares: list(wholes, 'a list of squares', { most: 65_536 }),
  text: wholes,
  textTokens: tokens,
  region: optional(object<NonNullable<RelevanceResult['region']>>({ written: text, rows: wholes })),
  words: list(
    object<RelevantToken>({
      id: whole,
      text,
      probability: figure,
      whole: figure,
      region: optional(figure),
      attention: figures,
      attentionOnSeen: figure,
      rollout: figures,
      rolloutOnText: figures,
      shares: optional(object<RelevanceShares>({ seen: figure, first: figure, prompt: figure, answer: figure })),
      occlusion: figures,
      agreement: optional(
        object<Agreement>({
          occlusionRollout: figure,
          occlusionAttention: figure,
          rolloutAttention: figure,
          topRollout: figure,
          topAttention: figure,
        }),
      ),
    }),
    'a list of tokens',
    { most: 256 },
  ),
  deletion: optional(
    object<NonNullable<RelevanceResult['deletion']>>({
      of: wholes,
      shares: list(number, 'a list of shares', { most: 64 }),
      draws: whole,
      curves: list(
        object<DeletionCurve>({
          name: text,
          values: figures,
          low: optional(figures),
          high: optional(figures),
          mean: figure,
        }),
        'a list of curves',
        { most: 16 },
      ),
    }),
  ),
});
