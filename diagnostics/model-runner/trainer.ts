/**
 * The port through which an analysis trains a network, without knowing the runtime. The compute server implements it
 * (compute-server/runner/server-trainer.ts); analyses call `train` (train.ts), which adds schedules, checkpoints and curves.
 */
import type { Network } from '../../kernels/training/network';
import type { AdamSettings } from '../../kernels/training/training-step';
import type { Random } from '../../kernels/tensors/random';

/** float32, row-major, by name. */
export type Parameters = Readonly<Record<string, Float32Array>>;

/** float16 as its bit patterns, bool as bytes. */
export interface BatchArray {
  readonly data: Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
}

/** By the names of `Network.batch`. */
export type Batch = Readonly<Record<string, BatchArray>>;

/**
 * All that a run goes on from, as plain data. The generator of batches needs no state of its own: the batch of step t is drawn
 * from the seed and t.
 */
export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  /** [P] each, in the order of `parameterPlaces`. */
  readonly parameters: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** One step. */
export interface TrainingPoint {
  /** From 1. */
  readonly step: number;
  /** Loss of the batch, before the update. */
  readonly loss: number;
  readonly rate: number;
  /** Norm of the gradient of all parameters together, before clipping. */
  readonly norm: number;
}

export interface TrainingTask {
  readonly network: Network;
  readonly adam: AdamSettings;
  readonly seed: number;
  /** Learning rate of step t, from 1. */
  rate(step: number): number;
  /** Batch of step t, from 1; `random` has a stream for each step. */
  batch(step: number, random: Random): Batch;
}

export interface Trainer {
  /** Goes on behind `from` until `until` steps are done. A batch without examples and a loss that is not finite end it. */
  advance(
    task: TrainingTask,
    from: TrainingState,
    until: number,
  ): Promise<{ readonly state: TrainingState; readonly points: readonly TrainingPoint[] }>;
  /** `loss` and the outputs that the network names. */
  forward(network: Network, parameters: Parameters, batch: Batch): Promise<ForwardResult>;
}

export interface ForwardResult {
  readonly loss: number;
  readonly outputs: Readonly<Record<string, BatchArray>>;
}
