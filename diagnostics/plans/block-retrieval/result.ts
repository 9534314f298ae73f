/** The result of the analysis `block-retrieval`, and its schema. */
import { representatives, type Representative } from '../../../protocol/interventions/block-retrieval';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, object, oneOf, text, whole } from '../../../protocol/schema/fields';
import { figuresPerHead } from '../../../protocol/schema/parts';

export interface Opened {
  readonly by: Representative;
  /** k: blocks that are opened besides the first and the newest two. */
  readonly open: number;
  /** Mean attention that the last position gives to what it would read, over heads and prompts, in the plain run. */
  readonly mass: number;
  /** Mean of -ln of it, nats: the Kullback-Leibler divergence of the attention that is left from the full one. */
  readonly divergence: number;
  /** How often a head reads the block of the needle, over heads and prompts; NaN without a needle. */
  readonly hits: number;
  /** Answers of runs under it, with Wilson's 95 % interval; NaN where none was asked for. */
  readonly correct: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
  /** Mean Kullback-Leibler divergence of the next token from the plain run's at the last position, nats; by the logits of its runs. */
  readonly change: number;
}

export interface BlockBytes {
  readonly open: number;
  /** Of float32 numbers, mean over prompts: what stands for all complete blocks, in all layers. */
  readonly resident: number;
  /** Keys and values of all positions. */
  readonly whole: number;
  /** Keys and values that the heads of a last position read at most: of each query head its own blocks. */
  readonly read: number;
}

export interface BlockRetrievalResult extends Readonly<Record<string, unknown>> {
  readonly block: number;
  readonly prompts: number;
  /** Mean tokens of a prompt, and mean blocks that its last position may choose among. */
  readonly tokens: number;
  readonly candidates: number;
  /** Prompts whose needle is in one of these. */
  readonly sought: number;
  /** Answers of the plain model; `n` 0 without answers. */
  readonly plain: { readonly correct: number; readonly share: number; readonly low: number; readonly high: number };
  readonly n: number;
  readonly opened: readonly Opened[];
  readonly bytes: readonly BlockBytes[];
  /** [layers][query heads], at the smallest k of the list above 0, by mean keys: how often the block of the needle is read, and the mass of what is read. */
  readonly headOpen: number;
  readonly headHits: readonly (readonly number[])[];
  readonly headMass: readonly (readonly number[])[];
  readonly note: string;
}

export const blockRetrievalResult: Schema<BlockRetrievalResult> = object<{
  readonly [K in keyof BlockRetrievalResult as string extends K ? never : K]: BlockRetrievalResult[K];
}>(
  {
    block: count,
    prompts: whole,
    tokens: figure,
    candidates: figure,
    sought: whole,
    plain: object({ correct: figure, share: figure, low: figure, high: figure }),
    n: whole,
    opened: list(
      object<Opened>({
        by: oneOf(representatives),
        open: whole,
        mass: figure,
        divergence: figure,
        hits: figure,
        correct: figure,
        share: figure,
        low: figure,
        high: figure,
        change: figure,
      }),
    ),
    bytes: list(object<BlockBytes>({ open: whole, resident: number, whole: number, read: number })),
    headOpen: whole,
    headHits: figuresPerHead,
    headMass: figuresPerHead,
    note: text,
  },
  'a result of block retrieval',
);
