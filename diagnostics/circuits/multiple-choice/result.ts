/** The result of the analysis `multiple-choice`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { followed, headTypes, type Followed, type HeadType } from './types';

/** A share with Wilson's 95 % interval, or a mean over prompts with Student's. */
export interface Level {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** How the model does with so many solved examples in front. */
export interface ByShots {
  readonly shots: number;
  /** Share of prompts whose right label has the largest logit of the labels, and of all tokens. */
  readonly letter: Level;
  readonly first: Level;
  /** Share whose right option is the most probable text behind the question alone: as a whole, and by token. */
  readonly content: Level;
  readonly contentByToken: Level;
  /** -ln of the softmax over the labels, of the right one; and over all tokens. In nats. */
  readonly loss: Level;
  readonly fullLoss: Level;
}

/** A head, or the MLP of a layer where `head` is absent. */
export interface Node {
  readonly layer: number;
  readonly head?: number;
  /** Direct effect, in logits. */
  readonly direct: number;
  readonly low: number;
  readonly high: number;
  /** Total effect, in nats; of the nodes that were patched. */
  readonly total?: Level;
  /** Of output nodes: what it adds to the logit of each label, less the mean over the labels, [right label][label]. */
  readonly written?: readonly (readonly number[])[];
  /** Of heads. */
  readonly attention?: HeadAttention;
}

export interface HeadAttention {
  /** M, [right label][label]; NaN in rows of labels that are never right. */
  readonly matrix: readonly (readonly number[])[];
  /** The same of attention to the options, [right label][option]. */
  readonly optionMatrix: readonly (readonly number[])[];
  /** Mean attention to the right label and to the right option. */
  readonly rightLabel: number;
  readonly rightOption: number;
  /** Mean attention to all labels, to all options, to the end of the prompt with its last position. */
  readonly labels: number;
  readonly options: number;
  readonly end: number;
  readonly type: HeadType;
  /** Under shuffled letters: mean attention to the label of the right option, and to the letter that usually has its place. */
  readonly place: number;
  readonly letter: number;
  readonly follows: Followed;
}

/** The model with some outputs at the last position taken from other prompts. */
export interface Patched {
  readonly what: string;
  readonly loss: Level;
  readonly accuracy: Level;
}

interface ChoiceFields {
  readonly prompts: number;
  readonly labels: readonly string[];
  readonly notes: readonly string[];
  readonly byShots: readonly ByShots[];
  /** 1 / options, and ln of their number in nats. */
  readonly chance: { readonly accuracy: number; readonly loss: number };
  /** Whether the interval of the accuracy by letter reaches down to chance. */
  readonly atChance: boolean;
  /** In the order of the model. */
  readonly nodes?: readonly Node[];
  /** Heads of each layer. */
  readonly heads?: readonly number[];
  /** Places in `nodes`, largest direct effect first. */
  readonly output?: readonly number[];
  /** Share of all positive direct effects that the largest 1, 2, … have, up to twice as many as the output nodes. */
  readonly cumulative?: readonly number[];
  /** Mean of the direct effects of embeddings and of biases, and of the centred logit of the right label. */
  readonly rest?: number;
  readonly logit?: number;
  /** Largest |sum of the parts - logit| of a label, over its largest |logit|, at least 1. */
  readonly error?: number;
  readonly patched?: readonly Patched[];
}

export interface ChoiceResult extends ChoiceFields, Readonly<Record<string, unknown>> {}
/** The same without the index signature, which hides the names. */
type Named = Pick<ChoiceFields, keyof ChoiceFields>;

const level: Schema<Level> = object<Level>({ mean: figure, low: figure, high: figure });
const table: Schema<readonly (readonly number[])[]> = list(list(figure));
const attention: Schema<HeadAttention> = object<HeadAttention>({
  matrix: table,
  optionMatrix: table,
  rightLabel: figure,
  rightOption: figure,
  labels: figure,
  options: figure,
  end: figure,
  type: oneOf(headTypes),
  place: figure,
  letter: figure,
  follows: oneOf(followed),
});
const node: Schema<Node> = object<Node>({
  layer: whole,
  head: optional(whole),
  direct: figure,
  low: figure,
  high: figure,
  total: optional(level),
  written: optional(table),
  attention: optional(attention),
});

export const choiceResult: Schema<ChoiceResult> = object<Named>({
  prompts: whole,
  labels: texts,
  notes: texts,
  byShots: list(
    object<ByShots>({
      shots: whole,
      letter: level,
      first: level,
      content: level,
      contentByToken: level,
      loss: level,
      fullLoss: level,
    }),
  ),
  chance: object<Named['chance']>({ accuracy: figure, loss: figure }),
  atChance: flag,
  nodes: optional(list(node)),
  heads: optional(list(count)),
  output: optional(list(whole)),
  cumulative: optional(list(figure)),
  rest: optional(figure),
  logit: optional(figure),
  error: optional(figure),
  patched: optional(list(object<Patched>({ what: text, loss: level, accuracy: level }))),
});
