/** What a mechanism is, drawn and counted: for the card of a mechanism in the kernels panel. */
import { parametersOf, pattern } from '../results/benchmark-schema';
import type { Output } from '../schema/check';
import { anyNumber, either, exactly, flag, list, object, optional, text } from '../schema/fields';
import type { Section } from '../sections/section';

/** As a form holds it; the harness checks that the mechanism takes it. */
export const mechanismViewRequest = object({
  mechanism: text,
  /** Absent ones take the default of the table. */
  parameters: parametersOf(anyNumber),
  shape: object({
    pattern,
    heads: anyNumber,
    kvHeads: anyNumber,
    headDim: anyNumber,
    valueDim: anyNumber,
  }),
  /** Queries and keys of the picture; `fitting`: the shortest of `pictureLengths` at which the pattern shows. */
  length: either(anyNumber, exactly('fitting'), 'a number or "fitting"'),
  /** `any`: the pairs that some head reads. */
  head: either(anyNumber, exactly('any'), 'a number or "any"'),
  /** Also probe which keys the output depends on. */
  effective: flag,
  /** Also show the head as a linear system, where it is one. */
  system: optional(flag),
  /** Draws the inputs for a probe, and for a pattern that depends on the numbers. */
  seed: anyNumber,
  /** Queries and keys at which the cost is counted. */
  lengths: list(anyNumber),
});
export type MechanismViewRequest = Output<typeof mechanismViewRequest>;

/** Lengths that the panel offers. */
export const pictureLengths: readonly number[] = [16, 32, 64, 96, 128, 256, 512, 1024, 2048, 4096, 8192];
export const longestPicture = 8192;
/** Longer probes take minutes; mechanisms whose weights differ by channel are probed key by key, up to `probeCells` of them. */
export const longestProbe = 2048;
export const probeCells = 96;
/** Positions in the picture of a head as a linear system. */
export const longestSystem = 128;

/**
 * a n^2 + b n + c with n queries and n keys; `deviation` at a length that was not used for it; within a per mille of the cost
 * from n = `from` on, nowhere where that is absent.
 */
export interface CostGrowth {
  readonly square: number;
  readonly linear: number;
  readonly constant: number;
  readonly deviation: number;
  readonly from?: number;
}

/** The cost model itself at one length: operations (a multiply-add counts as two), bytes moved, bytes held at the peak. */
export interface CostAt {
  readonly length: number;
  readonly flops: number;
  readonly bytes: number;
  readonly peakBytes: number;
}

/** What a pair of query and key is to each other: the values of `MechanismView.cells`. */
export const pairKinds = ['not read', 'read', 'read inside an average'] as const;

export interface WorkerPiece {
  readonly worker: number;
  readonly step: number;
  readonly queries: readonly { readonly start: number; readonly end: number }[];
  readonly keys: readonly { readonly start: number; readonly end: number }[];
}

export interface MechanismView {
  readonly mechanism: string;
  readonly head: number | 'any';
  readonly queries: number;
  readonly keys: number;
  /** Positions along a side of a cell: 1 draws every pair. */
  readonly scale: number;
  /** [ceil(queries / scale) * ceil(keys / scale)], an index into `pairKinds`: that of its pairs which is read most directly. */
  readonly cells: Uint8Array;
  /** The share of the pairs of a cell that is read, averages included; where a cell is more than one pair. */
  readonly shares?: Float32Array;
  /** Heads that read the same pairs, each group ascending; beyond 512 positions by 64 rows of each. */
  readonly groups: readonly (readonly number[])[];
  /** Pairs read, over the pairs that the plain pattern (causal or not) allows; averages count as read. */
  readonly density: number;
  readonly block?: { readonly queries: number; readonly keys: number };
  /** Positions on a grid, outermost axis first, the last one fastest: a query reads a key that it reads along every axis. */
  readonly grid?: {
    readonly axes: readonly {
      readonly size: number;
      /** [size * size] by the coordinates of query and key: 1 where it is read. */
      readonly reads: Uint8Array;
    }[];
    /** Queries that the kernel computes together along each axis. */
    readonly tile?: readonly number[];
  };
  /** Pieces of the head (of `any` the first) that workers compute, by ring step; ranges are [start, end). */
  readonly workerPieces?: readonly WorkerPiece[];
  /** Which keys are read depends on the numbers. */
  readonly dependsOnData: boolean;
  /** `cells` is what the drawn numbers choose; otherwise an upper bound where `dependsOnData`. */
  readonly chosen: boolean;
  readonly dependsOnFuture: boolean;
  readonly dependsOnLength: boolean;
  readonly joinsHeads: boolean;
  /**
   * As `cells`: by how much an output changes with a value (kernels/effective-attention.ts); where a cell is more
   * than one pair, by its last query and all its keys together.
   */
  readonly effective?: Float32Array;
  /** With these parameters each head is a linear system over its values. */
  readonly linear: boolean;
  /** What is kept of the state, the impulse response and the size of the state; where it was asked for and `linear`. */
  readonly system?: readonly Section[];
  /** Absent where the mechanism takes no lengths that a formula could be read off. */
  readonly cost?: { readonly flops: CostGrowth; readonly bytes: CostGrowth; readonly peakBytes: CostGrowth };
  /** At the lengths asked for that the mechanism takes. */
  readonly costs: readonly CostAt[];
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[]; readonly initial: string }[];
  readonly limits: readonly { readonly name: string; readonly equals: string }[];
}
