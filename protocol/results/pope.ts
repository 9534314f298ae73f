/**
 * POPE of a model (arXiv 2305.10355): yes/no questions about objects of pictures, what the model answered, and the scores. As
 * `headscope pope MODEL` prints and writes it.
 */
import type { PictureSample, ShareChange } from './hallucination-schema';
import type { Reinforcement } from '../interventions/reinforcement';
import type { ChatPrompt, ModelSummary, Parity, Provenance } from '../schema/parts';

/** Which absent objects are asked for: any, the most frequent ones, those that keep company with a present one. */
export const popeSplits = ['random', 'popular', 'adversarial'] as const;
export type PopeSplit = (typeof popeSplits)[number];

/**
 * `text`: the greedy answer by the published rule (up to the first full stop; "No", "no" or "not" among its words is no, anything
 * else yes). `logits`: the larger of the probabilities of a first token that spells yes and of one that spells no.
 */
export const popeReadings = ['text', 'logits'] as const;
export type PopeReading = (typeof popeReadings)[number];

export interface PopeReply {
  /** Greedy, up to its first full stop. */
  readonly answer: string;
  readonly readAs: 'yes' | 'no';
  /** Whether its first word is yes or no: other answers count as the published rule reads them, mostly as yes. */
  readonly clear: boolean;
  /** Of a first token that spells yes, or no; absent where the tokenizer has no such token. */
  readonly probability?: { readonly yes: number; readonly no: number };
}

export interface PopeAnswer {
  readonly image: string;
  readonly object: string;
  readonly question: string;
  readonly label: 'yes' | 'no';
  /** Splits that ask it. */
  readonly splits: readonly PopeSplit[];
  readonly plain: PopeReply;
  readonly reinforced?: PopeReply;
}

/** A share with its 95 % interval over pictures. */
export interface PopeShare {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** `yes` is the positive class; null where there is nothing to divide by. */
export interface PopeFigures {
  readonly questions: number;
  readonly accuracy: PopeShare | null;
  readonly precision: PopeShare | null;
  readonly recall: PopeShare | null;
  readonly f1: PopeShare | null;
  /** Share of the answers that are yes. */
  readonly yesRatio: PopeShare | null;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
  /** Answers whose first word is neither yes nor no. */
  readonly unclear: number;
}

interface PopeSplitResult {
  readonly split: PopeSplit;
  readonly plain: PopeFigures;
  readonly reinforced?: PopeFigures;
  /** Reinforced minus plain on the same questions; null where fewer than six pictures changed. */
  readonly change?: {
    readonly accuracy: ShareChange | null;
    readonly f1: ShareChange | null;
    readonly yesRatio: ShareChange | null;
  };
}

export interface PopeResult extends Provenance {
  readonly kind: 'headscope-pope';
  readonly version: 1;
  readonly model: ModelSummary;
  /** The instrumented run against the plain model, on the first question; absent where all answers were known. */
  readonly parity?: Parity;
  /** `{question}` stands for the question. */
  readonly prompt: string;
  readonly chatPrompt?: ChatPrompt;
  readonly readBy: PopeReading;
  readonly reinforcement?: Reinforcement;
  /** Absent where all pictures with three objects were asked about. */
  readonly sample?: PictureSample;
  readonly splits: readonly PopeSplitResult[];
  readonly answers: readonly PopeAnswer[];
  readonly failures: readonly { readonly name: string; readonly why: string }[];
  /** Pictures that were asked about, and that were to be. */
  readonly pictures: number;
  readonly total: number;
  readonly state: 'done' | 'cancelled';
  readonly seconds: number;
}
