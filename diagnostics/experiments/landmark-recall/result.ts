/** The result of the experiment `landmark-recall`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/**
 * How a trained network is tested: `plain`: causal softmax attention without landmarks; `all`: with landmarks, as it is trained, every
 * past block open; `topk`: the blocks of the best landmarks alone.
 */
export const modes = ['plain', 'all', 'topk'] as const;
export type Mode = (typeof modes)[number];

/** One network of one run on the sequences of one length. */
export interface LengthTest {
  readonly mode: Mode;
  /** k, blocks opened; 0 where none are chosen. */
  readonly open: number;
  /** Tokens. */
  readonly length: number;
  readonly seed: number;
  /** Share of the sequences whose answer has the largest logit. */
  readonly success: number;
  /** Share of the sequences in which some head of the last layer opens the block of the key; NaN where none are chosen. */
  readonly hit: number;
  /** The same of the block of the key or the one after it, whose tokens may have read the key in the first layer. */
  readonly beside: number;
}

/** What the experiment was run with. */
export interface RecallFacts {
  readonly values: number;
  readonly block: number;
  /** Tokens of a sequence in training. */
  readonly length: number;
  /** Tokens that run at once where blocks are chosen. */
  readonly chunk: number;
  readonly positions: 'stingy' | 'sequence';
  /** Sequences of each test. */
  readonly sequences: number;
  /** Runs of each network. */
  readonly seeds: number;
}

export interface Fields extends RecallFacts {
  readonly arms: ArmsResult;
  readonly tests: readonly LengthTest[];
  readonly folder?: string;
}

export interface LandmarkRecallResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

export const landmarkRecallResult: Schema<LandmarkRecallResult> = object<Named>({
  values: count,
  block: count,
  length: count,
  chunk: count,
  positions: oneOf(['stingy', 'sequence']),
  sequences: count,
  seeds: count,
  arms: armsResult,
  tests: list(
    object<LengthTest>({
      mode: oneOf(modes),
      open: whole,
      length: count,
      seed: number,
      success: number,
      hit: figure,
      beside: figure,
    }),
  ),
  folder: optional(text),
});
