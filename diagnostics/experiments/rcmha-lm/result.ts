/** The result of the experiment `rcmha-lm`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text, whole } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

const matrix = list(numbers);

/** One layer of attention of an arm by the cost model, for a batch of training, forward. */
const armCost = object({
  arm: text,
  /** Floating-point operations. */
  flops: figure,
  /** Bytes held at once. */
  peakBytes: figure,
});
export type ArmCost = Output<typeof armCost>;

/** What one layer of RCMHA has learned, first run. */
const learnedLayer = object({
  layer: whole,
  /** [channels][taps] of queries, keys and values. */
  taps: object({ query: matrix, key: matrix, value: matrix }),
  /** [heads][distance]: beta / sqrt(d). */
  biases: matrix,
});
export type LearnedLayer = Output<typeof learnedLayer>;

export const rcmhaResult = object({
  arms: armsResult,
  costs: list(armCost),
  /** Runs of each arm. */
  seeds: count,
  /** Share of tokens that whoever knows the source predicts, and the entropy of a token, nats. */
  best: object({ accuracy: figure, loss: figure }),
  /** Places of a sequence whose prediction counts, and how many tokens the first of them sees. */
  counted: object({ places: count, sees: count, order: count }),
  learned: optional(list(learnedLayer)),
  folder: optional(text),
});
export type RcmhaResult = Output<typeof rcmhaResult>;
