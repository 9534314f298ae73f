/** The result of the analysis `longheads`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, object, text, whole } from '../../../protocol/schema/fields';
import { figuresPerHead } from '../../../protocol/schema/parts';

/** The plain model, LongHeads, and the plain model with a window of as many positions. */
export const ways = ['plain', 'long', 'window'] as const;
export type Way = (typeof ways)[number];

export interface Answered {
  readonly correct: number;
  readonly share: number;
  /** Wilson's 95 % interval. */
  readonly low: number;
  readonly high: number;
}

export interface AtLength {
  /** Mean tokens of the prompts that were asked for at one length, or else of all. */
  readonly length: number;
  readonly n: number;
  readonly plain: Answered;
  readonly long: Answered;
  readonly window: Answered;
  /** Share that LongHeads answers less that of the plain model, prompt by prompt, with Tango's 95 % interval. */
  readonly difference: { readonly value: number; readonly low: number; readonly high: number };
}

export interface AtPosition {
  /** The first position of the chunk. */
  readonly position: number;
  /** Next tokens of all prompts that the means are over. */
  readonly tokens: number;
  /** Mean loss of the next token, nats. */
  readonly plain: number;
  readonly long: number;
  readonly window: number;
}

export interface Coverage {
  readonly layer: number;
  /** Distinct chunks that any head of the layer opens for the last position, mean over prompts; the always open ones left out. */
  readonly opened: number;
  /** Of the chunks that could be opened. */
  readonly share: number;
}

export interface LongHeadsResult extends Readonly<Record<string, unknown>> {
  readonly chunk: number;
  readonly budget: number;
  readonly begin: number;
  readonly prompts: number;
  /** Empty where the prompts have no answer. */
  readonly lengths: readonly AtLength[];
  readonly positions: readonly AtPosition[];
  /** Prompts whose needle lies in a chunk that heads choose for or against. */
  readonly ranked: number;
  /** Chunks that the last position may choose among, mean over these. */
  readonly candidates: number;
  /** Mean of 1 / candidates: how often a head would rank the chunk first by chance. */
  readonly chance: number;
  /** [layers][query heads]: mean rank of the needle's chunk for the last position, 1 the best; NaN without a needle. */
  readonly ranks: readonly (readonly number[])[];
  /** How often it is the first, and Wilson's 95 % interval. */
  readonly firsts: readonly (readonly number[])[];
  readonly firstsLow: readonly (readonly number[])[];
  readonly firstsHigh: readonly (readonly number[])[];
  /** How often it is opened. */
  readonly opened: readonly (readonly number[])[];
  /** Heads that rank it first in half of the prompts or more, and more often than by chance: p < 0.05 over all heads (binomial, Bonferroni). */
  readonly retrieving: readonly { readonly layer: number; readonly head: number }[];
  readonly coverage: readonly Coverage[];
  readonly note: string;
}

const answered: Schema<Answered> = object<Answered>({ correct: whole, share: number, low: number, high: number });

export const longHeadsResult: Schema<LongHeadsResult> = object<{
  readonly [K in keyof LongHeadsResult as string extends K ? never : K]: LongHeadsResult[K];
}>(
  {
    chunk: count,
    budget: count,
    begin: whole,
    prompts: whole,
    lengths: list(
      object<AtLength>({
        length: number,
        n: count,
        plain: answered,
        long: answered,
        window: answered,
        difference: object({ value: number, low: number, high: number }),
      }),
    ),
    positions: list(
      object<AtPosition>({ position: whole, tokens: count, plain: number, long: number, window: number }),
    ),
    ranked: whole,
    candidates: figure,
    chance: figure,
    ranks: figuresPerHead,
    firsts: figuresPerHead,
    firstsLow: figuresPerHead,
    firstsHigh: figuresPerHead,
    opened: figuresPerHead,
    retrieving: list(object({ layer: whole, head: whole })),
    coverage: list(object<Coverage>({ layer: whole, opened: number, share: number })),
    note: text,
  },
  'a result of LongHeads',
);
