/**
 * POPE of a model (arXiv 2305.10355): yes/no questions about objects of pictures, what the model answered, and the scores. As the
 * analysis `pope` saves it, and `headscope pope MODEL` prints and writes it.
 */
import { pictureSample, shareChange } from './hallucination-schema';
import { reinforcement, type Reinforcement } from '../interventions/reinforcement';
import type { Output } from '../schema/check';
import { count, flag, list, number, object, oneOf, optional, orNull, text, whole } from '../schema/fields';
import { parity, type ChatPrompt, type ModelSummary, type Provenance } from '../schema/parts';

/** Stands in a prompt for the question. */
export const questionPlace = '{question}';

/** Which absent objects are asked for: any, the most frequent ones, those that keep company with a present one. */
export const popeSplits = ['random', 'popular', 'adversarial'] as const;
export type PopeSplit = (typeof popeSplits)[number];

/**
 * `text`: the greedy answer by the published rule (up to the first full stop; "No", "no" or "not" among its words is no, anything
 * else yes). `logits`: the larger of the probabilities of a first token that spells yes and of one that spells no.
 */
export const popeReadings = ['text', 'logits'] as const;
export type PopeReading = (typeof popeReadings)[number];

const yesOrNo = oneOf(['yes', 'no']);

const reply = object({
  /** Greedy, up to its first full stop. */
  answer: text,
  readAs: yesOrNo,
  /** Whether its first word is yes or no: other answers count as the published rule reads them, mostly as yes. */
  clear: flag,
  /** Probability of a first token that spells yes, or no; absent where the tokenizer has no such token. */
  probability: optional(object({ yes: number, no: number })),
});
export type PopeReply = Output<typeof reply>;

const answer = object({
  image: text,
  object: text,
  question: text,
  label: yesOrNo,
  /** Splits that ask it. */
  splits: list(oneOf(popeSplits)),
  plain: reply,
  reinforced: optional(reply),
});
export type PopeAnswer = Output<typeof answer>;

/** A share with its 95 % interval over pictures. */
const share = object({ value: number, low: number, high: number });
export type PopeShare = Output<typeof share>;

/** `yes` is the positive class; null where there is nothing to divide by. */
const figures = object({
  questions: count,
  accuracy: orNull(share),
  precision: orNull(share),
  recall: orNull(share),
  f1: orNull(share),
  /** Share of the answers that are yes. */
  yesRatio: orNull(share),
  truePositives: whole,
  falsePositives: whole,
  trueNegatives: whole,
  falseNegatives: whole,
  /** Answers whose first word is neither yes nor no. */
  unclear: whole,
});
export type PopeFigures = Output<typeof figures>;

const splitResult = object({
  split: oneOf(popeSplits),
  plain: figures,
  reinforced: optional(figures),
  /** Reinforced minus plain on the same questions; null where fewer than six pictures changed. */
  change: optional(object({ accuracy: shareChange, f1: shareChange, yesRatio: shareChange })),
});
export type PopeSplitResult = Output<typeof splitResult>;

/** What the analysis `pope` saves. */
export const popeAnswers = object({
  readBy: oneOf(popeReadings),
  reinforcement: optional(reinforcement),
  splits: list(splitResult),
  answers: list(answer),
  failures: list(object({ name: text, why: text })),
  /** Pictures that were asked about, and that were to be. */
  pictures: whole,
  total: whole,
  /** The sample, drawn from the pictures with three objects. */
  sample: pictureSample,
  /** The instrumented run against the plain model, on the last question; absent where all answers were known. */
  parity: optional(parity),
});
export type PopeAnswers = Output<typeof popeAnswers>;

type Asked = Pick<PopeAnswers, 'parity' | 'readBy' | 'splits' | 'answers' | 'failures' | 'pictures' | 'total'>;

export interface PopeResult extends Provenance, Asked {
  readonly kind: 'headscope-pope';
  readonly version: 1;
  readonly model: ModelSummary;
  /** `{question}` stands for the question. */
  readonly prompt: string;
  readonly chatPrompt?: ChatPrompt;
  readonly reinforcement?: Reinforcement;
  /** Absent where all pictures with three objects were asked about. */
  readonly sample?: PopeAnswers['sample'];
  readonly state: 'done' | 'cancelled';
  readonly seconds: number;
}
