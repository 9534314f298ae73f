/** One attention call over worker processes, timed against one worker, as `headscope distributed --json` writes it. */
import type { AttentionPattern } from './benchmark';
import type { Ratio, Provenance } from '../schema/parts';

export interface ShardedGrid {
  readonly headWorkers: number;
  readonly sequenceWorkers: number;
  readonly schedule: 'ring' | 'gather';
}

export interface ShardedSetup {
  readonly shape: {
    readonly pattern: AttentionPattern;
    readonly batch: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    readonly valueDim: number;
    /** Queries and keys. */
    readonly length: number;
  };
  /** Beside one worker, which is always measured. */
  readonly grids: readonly ShardedGrid[];
  /** Causal: each worker along the sequence owns an early and a late piece. */
  readonly balanced: boolean;
  readonly seed: number;
  readonly seconds: number;
  /** Also weak scaling: each grid at a length that grows with the root of its workers, so that a worker's pairs stay as many. */
  readonly weak?: boolean;
}

/** A grid at the length at which each worker has as many pairs as one worker at the plan's length. */
export interface WeakRow extends ShardedGrid {
  readonly workers: number;
  readonly length: number;
  readonly medianMs: number;
  /** Time of one worker at the plan's length over this one's: 1 where nothing is lost. */
  readonly efficiency: Ratio;
  readonly maxError: number;
  readonly tolerance: number;
}

/** The whole matrix of scores in one process with one thread: what blocks and workers together are measured against. */
export type VanillaScaling =
  | {
      readonly medianMs: number;
      /** Its time over that of one worker: what working in blocks gains, without any further worker. */
      readonly gainOfBlocks: Ratio;
    }
  /** Why it was not run, as a sentence. */
  | { readonly reason: string };

export interface ShardedRow extends ShardedGrid {
  readonly workers: number;
  /** Wall time of one call with the output whole in the caller's memory; see `includes`. */
  readonly medianMs: number;
  readonly relativeSd: number;
  readonly samples: number;
  /** Time of one worker over this one's, by interleaved pairs. Absent in the row of one worker. */
  readonly speedUp?: Ratio;
  /** Time of `fused` in one process with one thread over this one's. */
  readonly ratioToFused: Ratio;
  /** By the cost model: the rate of one worker and the link as measured in the same run. */
  readonly predictedMs: number;
  readonly predictedSpeedUp: number;
  /** Medians over the calls of the worker that took longest in onnxruntime, and in reading and writing parts. */
  readonly computeMs: number;
  readonly exchangeMs: number;
  /**
   * Median processor time of the busiest worker: near `medianMs` where each worker has a core for itself, below it where
   * other work takes the cores. Writing, reading and merging are in it, waiting and the caller's collecting are not.
   */
  readonly cpuMs: number;
  /** Most bytes of keys and values that one worker passed in a call. */
  readonly passedBytes: number;
  /** In the row that comes nearest to what rounding explains: the largest difference from the float64 reference, and that. */
  readonly maxError: number;
  readonly tolerance: number;
  /** Query rows of each head that were compared (a seeded sample); absent: all. */
  readonly checkedRows?: number;
}

export interface ShardedScaling extends Provenance {
  readonly kind: 'headscope-sharded';
  readonly version: 1;
  readonly plan: ShardedSetup;
  /** What the times include and what not. */
  readonly includes: string;
  /** The first is one worker. */
  readonly rows: readonly ShardedRow[];
  readonly fusedMs: number;
  /** Absent in results of before 2026-11-25. */
  readonly vanilla?: VanillaScaling;
  /** Where the plan asks for weak scaling. */
  readonly weak?: readonly WeakRow[];
  readonly link: { readonly bytesPerSecond: number; readonly latencyMs: number };
  /** `cancelled`: fewer rounds than planned. */
  readonly state: 'done' | 'cancelled';
}

export interface ShardedProgress {
  readonly kind: 'stage';
  readonly sentence: string;
}
