/** The result of the analysis `direct-logit-attribution`, and its schema. All contributions are in logits before soft capping. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { ensure, count, figure, list, object, optional, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { PerHead } from '../../../protocol/results/heads';

const layers = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { least: 1, most: 2 * mostLayers + 2 });
const heads: Schema<PerHead> = layers(list(figure, 'a list of heads', { most: mostHeads }));

/** What every part adds; `heads`, `cross`, `recurrent`, `mlp`, `embedding` and `rest` sum to `logit`. */
const contributionFields = {
  heads,
  /** [layers][heads of cross-attention], for an encoder-decoder. */
  cross: optional(heads),
  /** [layers]: recurrences beside attention. */
  recurrent: optional(layers(figure)),
  /** [layers] */
  mlp: layers(figure),
  embedding: figure,
  /** Biases of norms, output projections and vocabulary; a stream that an intervention put in place; vectors that it added. */
  rest: figure,
  logit: figure,
};
const contributions = object(contributionFields);
export type Contributions = Output<typeof contributions>;

/** One or two tokens of a prompt, or the answers of a task. */
const directTarget = object({
  token: text,
  id: optional(whole),
  against: optional(text),
  againstId: optional(whole),
});
export type DirectTarget = Output<typeof directTarget>;

/** What the logit lens shows of one stream. */
const lensLayer = object({
  /** The probability of the right tokens together. */
  probability: figure,
  /** 1 is the largest logit; a mean over the prompts of a task. */
  rank: figure,
  /** Probability of the tokens that are subtracted. */
  against: optional(figure),
  /** Present where one prompt was read. */
  top: optional(
    list(object({ token: text, probability: figure }), 'a list', {
      most: 64,
    }),
  ),
});
export type LensLayer = Output<typeof lensLayer>;

/** Means over the prompts of a task. */
const fields = object({
  ...contributionFields,
  target: directTarget,
  prompts: count,
  /** Where one prompt was read: the token position whose next token is predicted, and its text. */
  position: optional(whole),
  positionToken: optional(text),
  /** Sum of the heads of each layer, with those of cross-attention and of a recurrence beside them. */
  attention: layers(figure),
  /** Sums so far: embedding, then attention and MLP of each layer, then the rest; [2 layers + 2]. */
  running: layers(figure),
  /** Ends of the 95 % intervals over prompts (Student's t); of two or more prompts. */
  low: optional(contributions),
  high: optional(contributions),
  attentionLow: optional(layers(figure)),
  attentionHigh: optional(layers(figure)),
  /**
   * `sum`: of all parts; `error`: the larger of |sum - logit| and of the difference between the tokens' logits here and in the
   * model, over the largest |logit| of the tokens, at least 1. The largest over prompts.
   */
  check: object({ sum: figure, error: figure }),
  /** Where the model caps its logits: the cap, and the target's value behind it. */
  cap: optional(figure),
  capped: optional(figure),
  /** What the streams that enter each layer say, and the one that leaves the last, [layers + 1]. */
  lens: optional(layers(lensLayer)),
  lensLow: optional(layers(figure)),
  lensHigh: optional(layers(figure)),
});
export const directResult = ensure(
  fields,
  ({ heads: table, mlp, attention, running }) =>
    mlp.length === table.length && attention.length === table.length && running.length === 2 * table.length + 2,
  'a result whose tables have one row for each layer',
);
export type DirectResult = Output<typeof directResult>;
