/** The result of the analysis `multiple-choice`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, flag, list, object, oneOf, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { followed, headTypes } from './types';
import { measuredMean } from '../../shared/statistics/proportion';

const table: Schema<readonly (readonly number[])[]> = list(list(figure));
const attention = object({
  /** M, [right label][label]; NaN in rows of labels that are never right. */
  matrix: table,
  /** The same of attention to the options, [right label][option]. */
  optionMatrix: table,
  /** Mean attention to the right label and to the right option. */
  rightLabel: figure,
  rightOption: figure,
  /** Mean attention to all labels, to all options, to the end of the prompt with its last position. */
  labels: figure,
  options: figure,
  end: figure,
  type: oneOf(headTypes),
  /** Under shuffled letters: mean attention to the label of the right option, and to the letter that usually has its place. */
  place: figure,
  letter: figure,
  follows: oneOf(followed),
});
export type HeadAttention = Output<typeof attention>;

/** A head, or the MLP of a layer where `head` is absent. */
const node = object({
  layer: whole,
  head: optional(whole),
  /** Direct effect, in logits. */
  direct: figure,
  low: figure,
  high: figure,
  /** Total effect, in nats; of the nodes that were patched. */
  total: optional(measuredMean),
  /** Where the node is one of `output`: what it adds to each label's logit, less the mean over the labels, [right label][label]. */
  written: optional(table),
  /** Where the node is a head. */
  attention: optional(attention),
});
export type Node = Output<typeof node>;

/** How the model does with so many solved examples in front. */
const byShots = object({
  shots: whole,
  /** Share of prompts whose right label has the largest logit of the labels, and of all tokens. */
  letter: measuredMean,
  first: measuredMean,
  /** Share whose right option is the most probable text behind the question alone: as a whole, and by token. */
  content: measuredMean,
  contentByToken: measuredMean,
  /** -ln of the softmax over the labels, of the right one; and over all tokens. In nats. */
  loss: measuredMean,
  fullLoss: measuredMean,
});
export type ByShots = Output<typeof byShots>;

/** The model with some outputs at the last position taken from other prompts. */
const patched = object({ what: text, loss: measuredMean, accuracy: measuredMean });

export const choiceResult = object({
  prompts: whole,
  labels: texts,
  notes: texts,
  byShots: list(byShots),
  /** 1 / options, and ln of their number in nats. */
  chance: object({ accuracy: figure, loss: figure }),
  /** Whether the interval of the accuracy by letter reaches down to chance. */
  atChance: flag,
  /** In the order of the model. */
  nodes: optional(list(node)),
  /** Heads of each layer. */
  heads: optional(list(whole)),
  /** Places in `nodes`, largest direct effect first. */
  output: optional(list(whole)),
  /** Share of all positive direct effects that the largest 1, 2, … have, up to twice as many as the output nodes. */
  cumulative: optional(list(figure)),
  /** Mean of the direct effects of embeddings and of biases, and of the centred logit of the right label. */
  rest: optional(figure),
  logit: optional(figure),
  /** Largest |sum of the parts - logit| of a label, over its largest |logit|, at least 1. */
  error: optional(figure),
  patched: optional(list(patched)),
});
export type ChoiceResult = Output<typeof choiceResult>;
