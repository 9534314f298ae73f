/** The result of the analysis `longheads`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, number, object, text, whole } from '../../../protocol/schema/fields';
import { figuresPerHead } from '../../../protocol/schema/parts';

/** The plain model, LongHeads, and the plain model with a window of as many positions. */
export const ways = ['plain', 'long', 'window'] as const;
export type Way = (typeof ways)[number];

const answered = object({
  correct: whole,
  share: number,
  /** Wilson's 95 % interval. */
  low: number,
  high: number,
});
export type Answered = Output<typeof answered>;

const atLength = object({
  /** Mean tokens of the prompts that were asked for at one length, or else of all. */
  length: number,
  n: count,
  plain: answered,
  long: answered,
  window: answered,
  /** Share that LongHeads answers less that of the plain model, prompt by prompt, with Tango's 95 % interval. */
  difference: object({ value: number, low: number, high: number }),
});
export type AtLength = Output<typeof atLength>;

export const longHeadsResult = object(
  {
    chunk: count,
    budget: count,
    begin: whole,
    prompts: whole,
    /** Empty where the prompts have no answer. */
    lengths: list(atLength),
    positions: list(
      object({
        /** The first position of the chunk. */
        position: whole,
        /** Next tokens of all prompts that the means are over. */
        tokens: count,
        /** Mean loss of the next token, nats. */
        plain: number,
        long: number,
        window: number,
      }),
    ),
    /** Prompts whose needle lies in a chunk that heads choose for or against. */
    ranked: whole,
    /** Chunks that the last position may choose among, mean over these. */
    candidates: figure,
    /** Mean of 1 / candidates: how often a head would rank the chunk first by chance. */
    chance: figure,
    /** [layers][query heads]: mean rank of the needle's chunk for the last position, 1 the best; NaN without a needle. */
    ranks: figuresPerHead,
    /** How often it is the first, and Wilson's 95 % interval. */
    firsts: figuresPerHead,
    firstsLow: figuresPerHead,
    firstsHigh: figuresPerHead,
    /** How often it is opened. */
    opened: figuresPerHead,
    /** Heads that rank it first in half of the prompts or more, and more often than by chance: p < 0.05 over all heads (binomial, Bonferroni). */
    retrieving: list(object({ layer: whole, head: whole })),
    coverage: list(
      object({
        layer: whole,
        /** Distinct chunks that any head of the layer opens for the last position, mean over prompts; the always open ones left out. */
        opened: number,
        /** Share of the chunks that could be opened. */
        share: number,
      }),
    ),
    note: text,
  },
  'a result of LongHeads',
);
export type LongHeadsResult = Output<typeof longHeadsResult>;
