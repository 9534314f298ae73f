/** A steering vector of two sets of prompts (diagnostics/shared/steering/mean-difference.ts has the definition). */
import type { Parity } from '../schema/parts';

export const steeringPositions = ['last', 'mean'] as const;
export type SteeringPosition = (typeof steeringPositions)[number];

export interface SteeringProgress {
  readonly kind: 'prompt';
  readonly done: number;
  readonly total: number;
}

export interface SteeringReply {
  readonly hiddenSize: number;
  /** For each layer: the vector [hidden size], and the mean length of the residual stream there over the prompts of both sets. */
  readonly vectors: readonly {
    readonly layer: number;
    readonly data: Float32Array;
    readonly streamLength: number;
  }[];
  /** On the first prompt. */
  readonly parity: Parity;
}
