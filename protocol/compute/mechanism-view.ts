/** What a mechanism is, drawn and counted: for the card of a mechanism in the kernels panel. */
import type { AttentionPattern, ParameterValue } from '../results/benchmark';

export interface MechanismViewRequest {
  readonly mechanism: string;
  /** Absent ones take the default of the table. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly shape: {
    readonly pattern: AttentionPattern;
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    readonly valueDim: number;
  };
  /** Queries and keys of the picture. */
  readonly length: number;
  readonly head: number;
  /** Also probe which keys the output depends on, with inputs drawn from `seed`; at most `longestProbe` positions. */
  readonly effective: boolean;
  readonly seed: number;
}

export const longestPicture = 512;
export const longestProbe = 96;

/** a n^2 + b n + c with n queries and n keys; `deviation` at a length that was not used for it. */
export interface CostGrowth {
  readonly square: number;
  readonly linear: number;
  readonly constant: number;
  readonly deviation: number;
}

/** What a pair of query and key is to each other: the values of `MechanismView.cells`. */
export const pairKinds = ['not read', 'read', 'read inside an average'] as const;

export interface MechanismView {
  readonly mechanism: string;
  readonly head: number;
  readonly queries: number;
  readonly keys: number;
  /** [queries * keys], an index into `pairKinds`. */
  readonly cells: Uint8Array;
  /** Heads that read the same pairs, each group ascending. */
  readonly groups: readonly (readonly number[])[];
  /** Pairs read, over the pairs that the plain pattern (causal or not) allows; averages count as read. */
  readonly density: number;
  readonly block?: { readonly queries: number; readonly keys: number };
  /** Which keys are read depends on the numbers: `cells` is an upper bound. */
  readonly dependsOnData: boolean;
  readonly dependsOnFuture: boolean;
  readonly dependsOnLength: boolean;
  readonly joinsHeads: boolean;
  /** [queries * keys]: by how much an output changes with a value (kernels/reference/effective-attention.ts). */
  readonly effective?: Float32Array;
  /** Absent where the mechanism takes no lengths that a formula could be read off. */
  readonly cost?: { readonly flops: CostGrowth; readonly bytes: CostGrowth; readonly peakBytes: CostGrowth };
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[]; readonly initial: string }[];
  readonly limits: readonly { readonly name: string; readonly equals: string }[];
}
