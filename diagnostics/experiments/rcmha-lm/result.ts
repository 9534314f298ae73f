/** The result of the experiment `rcmha-lm`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, numbers, object, optional, text, whole } from '../../../protocol/schema/fields';
import type { Taps } from '../../../kernels/modules/rcmha/pictures';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** What one layer of RCMHA has learned, first run. */
export interface LearnedLayer {
  readonly layer: number;
  /** [channels][taps] of queries, keys and values. */
  readonly taps: Taps;
  /** [heads][distance]: beta / sqrt(d). */
  readonly biases: readonly (readonly number[])[];
}

/** One layer of attention of an arm by the cost model, for a batch of training, forward. */
export interface ArmCost {
  readonly arm: string;
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes held at once. */
  readonly peakBytes: number;
}

interface Fields {
  readonly arms: ArmsResult;
  readonly costs: readonly ArmCost[];
  /** Runs of each arm. */
  readonly seeds: number;
  /** Share of tokens that whoever knows the source predicts, and the entropy of a token, nats. */
  readonly best: { readonly accuracy: number; readonly loss: number };
  /** Places of a sequence whose prediction counts, and how many tokens the first of them sees. */
  readonly counted: { readonly places: number; readonly sees: number; readonly order: number };
  readonly learned?: readonly LearnedLayer[];
  readonly folder?: string;
}

export interface RcmhaResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

const matrix = list(numbers);

export const rcmhaResult: Schema<RcmhaResult> = object<Named>({
  arms: armsResult,
  costs: list(object<ArmCost>({ arm: text, flops: figure, peakBytes: figure })),
  seeds: count,
  best: object<Fields['best']>({ accuracy: figure, loss: figure }),
  counted: object<Fields['counted']>({ places: count, sees: count, order: count }),
  learned: optional(
    list(
      object<LearnedLayer>({
        layer: whole,
        taps: object<Taps>({ query: matrix, key: matrix, value: matrix }),
        biases: matrix,
      }),
    ),
  ),
  folder: optional(text),
});
