/** The result of the experiment `landmark-recall`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import {
  count,
  figure,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  whole,
  type FieldsOutput,
} from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/**
 * How a trained network is tested: `plain`: causal softmax attention without landmarks; `all`: with landmarks, as it is trained, every
 * past block open; `topk`: the blocks of the best landmarks alone.
 */
const modes = ['plain', 'all', 'topk'] as const;
export type Mode = (typeof modes)[number];

/** One network of one run on the sequences of one length. */
const lengthTest = object({
  mode: oneOf(modes),
  /** k, blocks opened; 0 where none are chosen. */
  open: whole,
  /** Tokens. */
  length: count,
  seed: number,
  /** Share of the sequences whose answer has the largest logit. */
  success: number,
  /** Share of the sequences in which some head of the last layer opens the block of the key; NaN where none are chosen. */
  hit: figure,
  /** The same of the block of the key or the one after it, whose tokens may have read the key in the first layer. */
  beside: figure,
});
export type LengthTest = Output<typeof lengthTest>;

/** What the experiment was run with. */
const recallFacts = {
  values: count,
  block: count,
  /** Tokens of a sequence in training. */
  length: count,
  /** Tokens that run at once where blocks are chosen. */
  chunk: count,
  positions: oneOf(['stingy', 'sequence']),
  /** Sequences of each test. */
  sequences: count,
  /** Runs of each network. */
  seeds: count,
};
export type RecallFacts = FieldsOutput<typeof recallFacts>;

export const landmarkRecallResult = object({
  ...recallFacts,
  arms: armsResult,
  tests: list(lengthTest),
  folder: optional(text),
});
export type LandmarkRecallResult = Output<typeof landmarkRecallResult>;
