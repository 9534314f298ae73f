/** The result of the analysis `block-retrieval`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { representatives } from '../../../protocol/interventions/block-retrieval';
import { count, figure, list, number, object, oneOf, text, whole } from '../../../protocol/schema/fields';
import { figuresPerHead } from '../../../protocol/schema/parts';

const opened = object({
  by: oneOf(representatives),
  /** k: blocks that are opened besides the first and the newest two. */
  open: whole,
  /** Mean attention that the last position gives to what it would read, over heads and prompts, in the plain run. */
  mass: figure,
  /** Mean of -ln of it, nats: the Kullback-Leibler divergence of the attention that is left from the full one. */
  divergence: figure,
  /** How often a head reads the block of the needle, over heads and prompts; NaN without a needle. */
  hits: figure,
  /** Answers of runs under it, with Wilson's 95 % interval; NaN where none was asked for. */
  correct: figure,
  share: figure,
  low: figure,
  high: figure,
  /** Mean Kullback-Leibler divergence of the next token from the plain run's at the last position, nats; by the logits of its runs. */
  change: figure,
});
export type Opened = Output<typeof opened>;

const blockBytes = object({
  open: whole,
  /** Bytes in float32 of what stands for all complete blocks in all layers; mean over prompts. */
  resident: number,
  /** Keys and values of all positions. */
  whole: number,
  /** Keys and values that the heads of a last position read at most: of each query head its own blocks. */
  read: number,
});
export type BlockBytes = Output<typeof blockBytes>;

export const blockRetrievalResult = object(
  {
    block: count,
    prompts: whole,
    /** Mean tokens of a prompt, and mean blocks that its last position may choose among. */
    tokens: figure,
    candidates: figure,
    /** Prompts whose needle is in one of these. */
    sought: whole,
    /** Answers of the plain model; `n` 0 without answers. */
    plain: object({ correct: figure, share: figure, low: figure, high: figure }),
    n: whole,
    opened: list(opened),
    bytes: list(blockBytes),
    /** [layers][query heads], at the smallest k of the list above 0, by mean keys: how often the block of the needle is read, and the mass of what is read. */
    headOpen: whole,
    headHits: figuresPerHead,
    headMass: figuresPerHead,
    note: text,
  },
  'a result of block retrieval',
);
export type BlockRetrievalResult = Output<typeof blockRetrievalResult>;
