/**
 * Gradients of one number that a run gives, with respect to what happens inside it. The whole model is differentiated at the
 * run's own weights and interventions; a gradient has the shape of what it belongs to, in units of the number for one unit of it.
 */
import type { Variant } from '../../models/instrument/changes/changes';
import type { GradientTap } from '../../models/architectures/gradient-graphs';
import type { TensorData } from './run-request';
import type { Sequence } from './sequence';

export type { GradientTap } from '../../models/architectures/gradient-graphs';

/** The number that is differentiated. */
export type Objective =
  /** Mean loss of the next token (-ln of its probability, nats) over the queries at these rows; the last row has none. */
  | { readonly kind: 'loss'; readonly rows: readonly number[] }
  /** Sum of logits of tokens behind rows, each times its weight: a logit difference has the weights 1 and -1. */
  | {
      readonly kind: 'logits';
      readonly terms: readonly { readonly row: number; readonly token: number; readonly weight: number }[];
      /** Added: ln of the sum of e^logit over the vocabulary behind rows, each times its weight. */
      readonly logSums?: readonly { readonly row: number; readonly weight: number }[];
    }
  /**
   * Mean over rows and channels of the squared difference, behind the final norm, of the stream that leaves the last layer and that
   * of another run, [rows, w]. Gradients of weights are those of this run alone.
   */
  | { readonly kind: 'distance'; readonly rows: readonly number[]; readonly other: Float32Array }
  /** Sum of the stream that leaves the last layer times these numbers, [n, w]: of a model without a language head. */
  | {
      readonly kind: 'stream';
      readonly weights: Float32Array;
      /** By layer: numbers for the stream that enters it, whose products are added. */
      readonly entering?: ReadonlyMap<number, Float32Array>;
    }
  /** Sum of what the encoder of an encoder-decoder gives its decoder times these numbers, [m, w]: with `GradientResult.source`, back into the encoder. */
  | { readonly kind: 'source'; readonly weights: Float32Array };

export interface GradientRequest extends Pick<
  Sequence,
  'ids' | 'source' | 'positions' | 'embeddings' | 'prefix' | 'groups' | 'image'
> {
  readonly objective: Objective;
  /**
   * Interventions of the run. Values that take the place of others are constants: nothing passes back through them, neither to
   * what they replace nor to the run that they come from. Reinforcement is the gains that it chose.
   */
  readonly variant?: Variant;
  readonly taps?: readonly { readonly layer: number; readonly tap: GradientTap }[];
  /** Rows, rising, for which gradients of taps are kept; absent: all. */
  readonly tapRows?: readonly number[];
  /** With respect to the gain of every head. */
  readonly headGains?: boolean;
  /** With respect to the gain of every head of cross-attention. */
  readonly crossGains?: boolean;
  /** With respect to the gain of every head of recurrences beside attention. */
  readonly stateGains?: boolean;
  /** With respect to the stream of the source that cross-attention reads. */
  readonly sourceStream?: boolean;
  /** With respect to a score bias of every head on the keys of each group. */
  readonly scoreBiases?: boolean;
  /** With respect to the share of every head, in layers that mix in head outputs of another run. */
  readonly mixtureShares?: boolean;
  /** With respect to the token embeddings as they enter layer 0. */
  readonly embedding?: boolean;
  /**
   * With respect to the pixels of the picture in the prompt: back through connector and encoder, whose tensors `weights` may name
   * then as well.
   */
  readonly pixels?: boolean;
  /** With respect to stored tensors of the checkpoint, by name. */
  readonly weights?: readonly string[];
  /** Queries per chunk; absent: chosen by the memory limit. */
  readonly chunk?: number;
  /** Share of the run that is done, after each layer of either pass. */
  readonly onProgress?: (share: number) => void;
}

export interface LayerGradients {
  readonly layer: number;
  readonly taps: Readonly<Partial<Record<GradientTap, TensorData>>>;
  /** [h] */
  readonly headGains?: Float32Array;
  /** [heads of cross-attention] */
  readonly crossGains?: Float32Array;
  /** [heads of the recurrence beside attention] */
  readonly stateGains?: Float32Array;
  /** [h, groups] */
  readonly scoreBiases?: Float32Array;
  /** [h] */
  readonly mixtureShares?: Float32Array;
}

export interface GradientResult {
  /** The number itself. */
  readonly objective: number;
  /** Gradients of the layers that were asked for, in rising order. */
  readonly layers: readonly LayerGradients[];
  /** [n, w] */
  readonly embedding?: Float32Array;
  /** [m, w] */
  readonly source?: Float32Array;
  /** By tile of the picture: [channels, height, width] of the pixels as its processor normalised them. */
  readonly pixels?: readonly Float32Array[];
  /** In float32, in the shape that is stored. */
  readonly weights: ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;
}
