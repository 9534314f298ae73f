/**
 * What reaches the logits of a row through the residual stream alone: every norm on the way is frozen at the scale that it has
 * in the run, so that all is linear (models/architectures/attribution-graphs.ts).
 */

/** One row of a run of one variant. */
export interface StreamRow {
  /** Residual stream that enters each layer, and the one that leaves the last, [layers + 1][w]. */
  readonly streams: readonly Float32Array[];
  /** Outputs of the heads before the output projection, [layers][h d]. */
  readonly headOutputs: readonly Float32Array[];
  /** What attention and what the network adds, [layers][w]. */
  readonly attentionOutputs: readonly Float32Array[];
  readonly networkOutputs: readonly Float32Array[];
  /** For cross-attention, in a decoder that reads a source: [layers][heads d] and [layers][w]. */
  readonly crossHeadOutputs?: readonly Float32Array[];
  readonly crossOutputs?: readonly Float32Array[];
  /** Vectors that interventions add to the stream that leaves each layer, [layers][w]. */
  readonly added?: readonly (Float32Array | undefined)[];
  /** Last layer whose stream an intervention replaced at this row: nothing before it reaches the logits. */
  readonly replacedBehind?: number;
}

/** A weighted sum of logits, e.g. +1 and -1 for the difference of two tokens. */
export type LogitTarget = readonly { readonly token: number; readonly weight: number }[];

/** In logits before soft capping; `heads`, `cross`, `recurrent`, `mlp`, `embedding` and `rest` sum to `logit`. */
export interface DirectEffects {
  /** [layers][heads] */
  readonly heads: readonly (readonly number[])[];
  /** [layers][heads of cross-attention], in a decoder that reads a source. */
  readonly cross?: readonly (readonly number[])[];
  /** [layers]: recurrences beside attention, whose heads are not told apart; absent where there is none. */
  readonly recurrent?: readonly number[];
  /** [layers]; with the bias of the down projection. */
  readonly mlp: readonly number[];
  /** Token and position embeddings together. */
  readonly embedding: number;
  /** Biases of norms, of output projections and of the vocabulary; a stream that an intervention put in place; vectors that it added. */
  readonly rest: number;
  /** The weighted sum itself, by the language head's own arithmetic. */
  readonly logit: number;
  /** Logits of the tokens of the target. */
  readonly tokens: readonly number[];
}

/** What heads make of streams wherever they stand (before rotation), row by row. */
export interface HeadProjections {
  /** [rows][h d] */
  readonly query: readonly Float32Array[];
  /** [rows][g d] */
  readonly key: readonly Float32Array[];
  readonly value: readonly Float32Array[];
  /** Gates that multiply the outputs of heads, for these queries, [rows][h d]; absent if there are none. */
  readonly gate?: readonly Float32Array[];
}

export interface DirectPaths {
  /** Logits are softcap tanh(logit / softcap). */
  readonly softcap: number | undefined;
  /** Logits [v] that the language head gives to residual streams [w], soft capping included (logit lens). */
  logits(streams: readonly Float32Array[]): Promise<readonly Float32Array[]>;
  effects(row: StreamRow, target: LogitTarget): Promise<DirectEffects>;
  /**
   * Logits [v] before soft capping that a part of the outputs of a layer's heads [h d] adds at the row. Norms behind the output
   * projection and before the vocabulary are frozen; norms on the sums of later layers (OPT-350m) are left out.
   */
  written(row: StreamRow, layer: number, part: Float32Array): Promise<Float32Array>;
  projected(layer: number, streams: readonly Float32Array[]): Promise<HeadProjections>;
  /** Embeddings [w] of tokens, each as the first of a sequence. */
  embedded(ids: readonly number[]): Promise<readonly Float32Array[]>;
}
