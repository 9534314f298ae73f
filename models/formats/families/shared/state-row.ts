/**
 * What a family's row says of the recurrence of a layer: which kind, under which prefix its tensors are, and its sizes. A run makes a
 * StateSpec of it (models/architectures/state-spec.ts), where each kind is defined.
 */
import type { Mamba2Sizes } from '../../config/recurrent-state';

interface NamedRow {
  /** In front of the names of its tensors, e.g. `mamba.`. */
  readonly prefix: string;
}

export interface GatedDeltaRow extends NamedRow {
  readonly kind: 'gated-delta';
  /** Queries, keys, values and gates are one tensor and the two rates another (Qwen3-Next). */
  readonly fused: boolean;
  readonly heads: number;
  readonly keyHeads: number;
  readonly keyDim: number;
  readonly headDim: number;
  /** Positions that the convolution reads. */
  readonly kernel: number;
}

export interface Mamba2Row extends NamedRow, Mamba2Sizes {
  readonly kind: 'mamba2';
  /** Factor on what the mixer reads, on each of its five parts, and on what it adds (Falcon-H1). */
  readonly factors?: {
    readonly input: number;
    readonly parts: readonly [gate: number, x: number, b: number, c: number, dt: number];
    readonly output: number;
  };
  /** How many norms stand side by side, and whether they come before the gate; absent: there is none. */
  readonly norm?: { readonly groups: number; readonly first: boolean };
  /** dt is held between these. */
  readonly stepLimit?: readonly [least: number, most: number];
  /** Epsilon of the norm, where it is not that of the stream. */
  readonly epsilon?: number;
}

/** Selective scan of Mamba; its blocks of channels have no size of their own. */
export interface SelectiveScanRow extends NamedRow {
  readonly kind: 'mamba';
  /** Channels. */
  readonly inner: number;
  /** Numbers that a channel keeps. */
  readonly state: number;
  readonly kernel: number;
  /** Numbers that the step of all channels is made of. */
  readonly rank: number;
  /** Number of channel groups with maps of their own, in Zamba's tensors; absent: a single group, in Mamba's tensors. */
  readonly groups?: number;
  /** Activation of x and the gate, if it is not that of the networks. */
  readonly activation?: string;
  /** Norms of what the step is made of, B and C: their names, or their epsilon where they have no weights; absent: there are none. */
  readonly norms?: { readonly names: readonly [step: string, b: string, c: string] } | { readonly epsilon: number };
}

/** RG-LRU of Griffin: heads are those that the config counts. */
export interface RealGatedRow extends NamedRow {
  readonly kind: 'rg-lru';
  readonly width: number;
  readonly kernel: number;
}

/** Lightning attention, with the heads and widths of attention. */
export interface LightningRow extends NamedRow {
  readonly kind: 'lightning';
  readonly heads: number;
  readonly headDim: number;
}

/** Gated linear attention, with the tensors of flash-linear-attention. */
export interface GatedLinearRow extends NamedRow {
  readonly kind: 'gla';
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyDim: number;
  readonly headDim: number;
  /** Width of the bottleneck from which all decays are made. */
  readonly rank: number;
  /** Activation of queries and keys. */
  readonly feature?: string;
  readonly least?: number;
  /** Whether the outputs of heads are gated. */
  readonly gated: boolean;
  /** Name of the norm, and whether it has weights. */
  readonly norm: { readonly name: string; readonly weighed: boolean };
}

/** Gated short convolution of all channels of the stream. */
export interface ShortConvolutionRow extends NamedRow {
  readonly kind: 'short-convolution';
  readonly kernel: number;
}

/** Time mixing of RWKV-4. */
export interface WkvRow extends NamedRow {
  readonly kind: 'wkv';
  readonly width: number;
}

/** Time mixing of RWKV-6. */
export interface MatrixWkvRow extends NamedRow {
  readonly kind: 'wkv6';
  readonly width: number;
  /** Width of a head. */
  readonly headDim: number;
  /** Width of the bottleneck of the shares of each of the five maps; that of the decays is twice as wide. */
  readonly rank: number;
  /** Epsilon of the norms of heads. */
  readonly epsilon: number;
}

export type StateRow =
  | GatedDeltaRow
  | GatedLinearRow
  | Mamba2Row
  | SelectiveScanRow
  | RealGatedRow
  | LightningRow
  | MatrixWkvRow
  | ShortConvolutionRow
  | WkvRow;
