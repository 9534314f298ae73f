/**
 * Recurrences that a block has instead of attention, or beside it, as data: each position reads a state of a fixed size and leaves
 * another. How each is computed is in `states/`, one file a kind.
 *
 * Notation of shapes: b batch, n positions of this run, w width of the stream, h heads, d numbers that a head gives.
 */
import type { Activation, Linear, Norm } from './weights-spec';

/** What every kind has. */
interface StateHeads {
  /** Heads whose outputs stand side by side in what the output projection reads. */
  readonly heads: number;
  /** d: numbers that a head gives to the output projection, behind its norm and gate. */
  readonly headDim: number;
  /** h d -> w. */
  readonly output: Linear;
}

/** Each channel is convolved by itself with its last `size` positions, its own included. */
export interface CausalConvolution {
  /** Name of the kernel [channels, 1, size]. */
  readonly weight: string;
  /** Name of the bias [channels]. */
  readonly bias?: string | undefined;
  readonly channels: number;
  readonly size: number;
}

/**
 * Gated delta rule (arXiv:2412.06464, equation 10), as Qwen3-Next and Qwen3.5 run it. Queries, keys and values are convolved, then
 * silu; queries and keys are normed to length 1, queries divided by the root of `keyDim`; value head i reads key head
 * i / (heads / keyHeads). What a head gives is normed (`norm`, over d) and multiplied by silu of the gate z.
 */
export interface GatedDeltaSpec extends StateHeads {
  readonly kind: 'gated-delta';
  readonly keyHeads: number;
  readonly keyDim: number;
  readonly projection:
    | {
        /** Rows key head after key head: of each its query, its key, and values and gates of the value heads that read it (Qwen3-Next). */
        readonly kind: 'by-key-head';
        readonly all: Linear;
        /** In the same order: of each key head the strengths b, then the rates a, of its value heads. */
        readonly rates: Linear;
      }
    | {
        /** All queries, all keys, all values; and maps of their own (Qwen3.5). */
        readonly kind: 'separate';
        readonly mixed: Linear;
        readonly gate: Linear;
        readonly strength: Linear;
        readonly rate: Linear;
      };
  /** Over all queries, all keys and all values side by side. */
  readonly convolution: CausalConvolution;
  /** Names of A_log and dt_bias, [h]: ln of the decay is -exp(A_log) softplus(a + dt_bias). */
  readonly decay: string;
  readonly step: string;
  readonly norm: Norm;
}

/**
 * Mamba-2 (arXiv:2405.21060, section 7): S_t = exp(dt A) S_(t-1) + dt B_t x_t, y_t = C_t S_t + D x_t with A = -exp(A_log) and
 * dt = softplus(dt + dt_bias). Head i reads B and C of group i / (heads / groups).
 */
export interface Mamba2Spec extends StateHeads {
  readonly kind: 'mamba2';
  readonly groups: number;
  /** Numbers of a group's B and C. */
  readonly state: number;
  /** w -> [gate, x, B, C, dt] of h d, h d, groups state, groups state and h numbers. */
  readonly input: Linear;
  /** Factors on these five (Falcon-H1). */
  readonly factors?: readonly [gate: number, x: number, b: number, c: number, dt: number];
  /** Over x, B and C side by side; then silu. */
  readonly convolution: CausalConvolution;
  /** Names of A_log, dt_bias and D, [h]. */
  readonly decay: string;
  readonly step: string;
  readonly skip: string;
  /** dt is held between these. */
  readonly stepLimit?: readonly [least: number, most: number];
  /**
   * What heads give is multiplied by silu(gate), and normed: `groups` of them each by itself, before the gate (`first`) or behind it.
   * Absent: it is multiplied alone.
   */
  readonly norm?: { readonly norm: Norm; readonly groups: number; readonly first: boolean };
}

/**
 * Selective scan of Mamba (arXiv:2312.00752, algorithm 2), channel by channel; heads are blocks of channels side by side, which have no
 * meaning but to be shown and changed together.
 */
export interface SelectiveScanSpec extends StateHeads {
  readonly kind: 'mamba';
  /** N: numbers that a channel keeps. */
  readonly state: number;
  /** w -> [x, gate], h d each. */
  readonly input: Linear;
  /** Over x; then the activation. */
  readonly convolution: CausalConvolution;
  /** What x behind its convolution and the gate go through. */
  readonly activation: Activation;
  /** For each group of channels, its channels -> [rank, N, N]: the input of the step, B and C. */
  readonly groups: readonly {
    readonly parameters: Linear;
    /** rank -> their channels; the step is its softplus. */
    readonly step: Linear;
  }[];
  readonly rank: number;
  /** The first axis of weights is the groups, and the outputs of `input` alternate between x and gate of a channel (Zamba). */
  readonly stacked?: true;
  /** Norms of these three (Jamba, Falcon Mamba). */
  readonly parameterNorms?: { readonly step: Norm; readonly b: Norm; readonly c: Norm };
  /** Names of A_log [h d, N] and D [h d]. */
  readonly decay: string;
  readonly skip: string;
}

/** RG-LRU of Griffin (arXiv:2402.19427, section 2.4) behind a convolution, times a gate. */
export interface RealGatedSpec extends StateHeads {
  readonly kind: 'rg-lru';
  /** w -> h d: what is convolved, and the gate, which is activated. */
  readonly input: Linear;
  readonly gate: Linear;
  readonly activation: Activation;
  readonly convolution: CausalConvolution;
  /** Maps of the channels of a head, weights [h, d, d] (inputs first) and biases [h, d]. */
  readonly inputGate: { readonly weight: string; readonly bias: string };
  readonly recurrenceGate: { readonly weight: string; readonly bias: string };
  /** Name of Lambda [h d]. */
  readonly lambda: string;
}

/** Lightning attention of MiniMax-01 (arXiv:2501.08313, section 2.2). */
export interface LightningSpec extends StateHeads {
  readonly kind: 'lightning';
  /** w -> h times [query, key, value] of d, which are activated. */
  readonly input: Linear;
  readonly activation: Activation;
  /** A state loses this power of e with each position, one for each head. */
  readonly slopes: readonly number[];
  /** Over all heads; then they are multiplied by the sigmoid of the gate, w -> h d. */
  readonly norm: Norm;
  readonly gate: Linear;
}

/**
 * Gated linear attention (arXiv:2312.06635, section 4.4). Head i reads key, value and decays of key/value head i / (heads / kvHeads). The
 * output of a head is normed (`norm`, over d), then multiplied by the activated gate.
 */
export interface GatedLinearSpec extends StateHeads {
  readonly kind: 'gla';
  readonly kvHeads: number;
  readonly keyDim: number;
  /** w -> h k, (key/value heads) k, (key/value heads) d. */
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  /** Activation of queries and keys. */
  readonly feature?: Activation;
  /** w -> rank -> (key/value heads) k: ln of the decay of each row of a state is ln sigmoid of it over `normaliser`. */
  readonly decay: readonly [down: Linear, up: Linear];
  readonly normaliser: number;
  /** ln of a decay is at least this. */
  readonly least?: number;
  readonly norm: Norm;
  /** w -> h d. */
  readonly gate?: { readonly map: Linear; readonly activation: Activation };
}

/** Gated short convolution of LFM2; heads are blocks of channels. */
export interface ShortConvolutionSpec extends StateHeads {
  readonly kind: 'short-convolution';
  /** w -> [B, C, x], h d each. */
  readonly input: Linear;
  readonly convolution: CausalConvolution;
}

/** The time mixing of RWKV-4 (arXiv:2305.13048, section 3.1); heads are blocks of channels. */
export interface WkvSpec extends StateHeads {
  readonly kind: 'wkv';
  /** w -> h d. */
  readonly key: Linear;
  readonly value: Linear;
  readonly receptance: Linear;
  /** Names of the shares [1, 1, w] that these three take of the position itself; the rest is of the one in front of it. */
  readonly mix: { readonly key: string; readonly value: string; readonly receptance: string };
  /** Names of time_decay and time_first, [h d]. */
  readonly decay: string;
  readonly first: string;
}

/**
 * The time mixing of RWKV-6 (arXiv:2404.05892, section 4.2): each head keeps a matrix. The output of each head is normed on its own (`norm`),
 * then multiplied by silu of the gate. Each of five maps mixes the position and the previous one in shares of its own, which depend on both.
 */
export interface MatrixWkvSpec extends StateHeads {
  readonly kind: 'wkv6';
  /** w -> h d. */
  readonly receptance: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly gate: Linear;
  readonly mix: {
    /** Name of the share [1, 1, w] of the previous position in the input on which the five shares depend. */
    readonly all: string;
    /** w -> 5 rank, in the order of `matrixWkvReaders`. */
    readonly down: Linear;
    /** For each map: its share [1, 1, w] of the previous position, and rank -> w, which is added to the share. */
    readonly own: Readonly<Record<MatrixWkvReader, { readonly share: string; readonly up: Linear }>>;
    readonly rank: number;
  };
  /** Name of [1, 1, h d], and w -> rank -> h d, which is added to it: ln of the decay of a row of the state is -exp of the sum. */
  readonly decay: { readonly base: string; readonly down: Linear; readonly up: Linear };
  /** Name of u, [h, d]. */
  readonly first: string;
  /** Names of weight and bias, [h d], of norms over d. */
  readonly norm: { readonly weight: string; readonly bias: string; readonly epsilon: number };
}

/** The five maps with shares of their own, in the order of the stored tensors. */
export const matrixWkvReaders = ['decay', 'key', 'value', 'receptance', 'gate'] as const;
export type MatrixWkvReader = (typeof matrixWkvReaders)[number];

export type StateSpec =
  | GatedDeltaSpec
  | GatedLinearSpec
  | Mamba2Spec
  | SelectiveScanSpec
  | RealGatedSpec
  | LightningSpec
  | MatrixWkvSpec
  | ShortConvolutionSpec
  | WkvSpec;
export type StateKind = StateSpec['kind'];
