/** What a run of a model takes and gives. */
import type { Variant } from '../../models/instrument/changes/changes';
import type { GraphReinforcement } from '../../models/instrument/changes/fed-rows';
import type { LayerTap } from '../../models/instrument/taps';
import type { CrossNumbers, EffectiveNumbers, HeadNumbers } from './head-numbers';
import type { Sequence } from './sequence';

/** A tensor of a run, row-major; float16 as its 16-bit patterns. */
export interface TensorData {
  readonly data: Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
}

/** A question about the next-token distribution behind a row. */
export interface AskedRow {
  readonly row: number;
  /** Ids whose logits are wanted. */
  readonly tokens: readonly number[];
}

export interface RowAnswer {
  /** Logits of the tokens that were asked for. */
  readonly logits: readonly number[];
  /** ln of the sum of e^logit over the vocabulary: a logit less this is a log-probability in nats. */
  readonly logSumExp: number;
  /** Entropy of the next-token distribution, in nats. */
  readonly entropy: number;
  /** Id with the largest logit; the lowest of equals. */
  readonly largest: number;
}

/** Keys and values of the rows [0, length), which a run of one variant kept (`ModelRunner.prefix`). */
export interface KeptPrefix {
  readonly length: number;
}

/** The residual stream [b, n, w] that enters a layer, chunk by chunk. */
export interface ResidualStream {
  readonly layer: number;
  readonly chunks: readonly Float32Array[];
  readonly chunk: number;
  readonly batch: number;
  /** Hidden size, plus what rows carry after their hidden numbers. */
  readonly width: number;
  /** Hidden size, if rows carry more. */
  readonly hidden?: number;
  /** If the model has such a shortcut: what the previous layer left for this one to add to its output, in the form of `chunks`. */
  readonly shortcut?: readonly Float32Array[];
}

export interface RunRequest extends Sequence {
  /**
   * One run per variant, as a batch; absent: the plain model alone. Statistics are those of variant 0. Taps hold every variant along
   * their first axis, or one where all variants agree up to the layer.
   */
  readonly variants?: readonly Variant[];
  /** Token ids of each variant, as many as `ids`, where they differ; statistics are still those of variant 0. */
  readonly variantIds?: readonly (readonly number[])[];
  /** Streams of the source [m, w] of each variant, where the encoder is changed; absent: all read `source.stream`. */
  readonly variantSources?: readonly Float32Array[];
  /**
   * Only the rows behind the prefix are run, for every variant, and what is kept stays as it is. Interventions act on those
   * rows; statistics, maps and top keys need the whole prompt.
   */
  readonly past?: KeptPrefix;
  /** Layers that are run, from the first on; absent: all. Without the last one there are no logits. */
  readonly depth?: number;
  /** Queries per chunk; absent: chosen by the memory limit. */
  readonly chunk?: number;
  readonly statistics?: boolean;
  /** Earlier occurrences by position, where they are not those of the ids (null models of induction). */
  readonly earlier?: readonly (readonly number[])[];
  readonly thumbnails?: boolean;
  /** What recurrences do to the values of the prompt, in numbers, and in pictures where those are asked for. */
  readonly effective?: boolean;
  /** The keys that each query reads most: of all queries, or of the last one. */
  readonly topKeys?: 'all' | 'last';
  /** Taps of layers, kept whole: for short prompts. */
  readonly taps?: readonly { readonly layer: number; readonly tap: LayerTap }[];
  /** Rows, rising, for which taps are kept; absent: all. */
  readonly tapRows?: readonly number[];
  /**
   * Mass of the last row's query on each key group, per head. In a long prompt the row is run as a chunk of its own where it
   * can be, so that the statistics cost one query.
   */
  readonly lastMass?: boolean;
  /** Gains that each layer chooses by its own last query (one variant, and not together with `lastMass`). */
  readonly reinforcement?: GraphReinforcement;
  /** The blocks that heads choose between (`Variant.blocks`), of variant 0: of these layers and rows, or of all. */
  readonly chosenBlocks?: { readonly layers?: readonly number[]; readonly rows?: readonly number[] };
  /** Probabilities of single heads. */
  readonly maps?: readonly { readonly layer: number; readonly head: number }[];
  /** The same of single heads of cross-attention. */
  readonly crossMaps?: readonly { readonly layer: number; readonly head: number }[];
  /** Rows whose logits are wanted. */
  readonly logits: 'last' | 'all' | 'none';
  /** Mean loss of the next token (-ln of its probability, nats) over the queries at these rows, for each variant. */
  readonly lossAt?: readonly number[];
  /** Answers to these questions for each variant. */
  readonly answersAt?: readonly AskedRow[];
  /** With `lossAt`: give each of these queries besides their mean. */
  readonly eachToken?: boolean;
}

/** A run that is followed layer by layer. */
export interface LayersRequest extends RunRequest {
  /** Go on behind the layers that an earlier run of the same request left (`LayerStep.stream`). */
  readonly from?: ResidualStream;
}

export interface LayerResult {
  readonly layer: number;
  readonly statistics?: HeadNumbers;
  /** [heads][thumbnailSize][thumbnailSize] */
  readonly thumbnail?: Float32Array;
  /** Where it was asked for and the layer has a recurrence. */
  readonly effective?: EffectiveNumbers;
  /** By tap; [rows of all chunks joined along n]. */
  readonly taps: Readonly<Partial<Record<LayerTap, TensorData>>>;
  /** [heads][groups] */
  readonly lastMass?: Float32Array;
  /** What the layer chose, [heads]. */
  readonly reinforcement?: LayerReinforcement;
  /** By head: probabilities [n, t], row-major. */
  readonly maps: ReadonlyMap<number, Float32Array>;
  /** The most-read keys of all queries, or of the last one only. */
  readonly top?: TopKeys;
  /** For cross-attention, in a decoder that reads a source. */
  readonly cross?: CrossResult;
  /** Where heads take attention from keys that the run decided (models/instrument/changes/redistribution.ts). */
  readonly sources?: AttentionSources;
  /** Where heads choose blocks and that was asked for. */
  readonly chosenBlocks?: ChosenBlocks;
}

export interface CrossResult {
  /** Where statistics were asked for. */
  readonly statistics?: CrossNumbers;
  /** By head: probabilities [n, m] of the rows of the source, row-major. */
  readonly maps: ReadonlyMap<number, Float32Array>;
}

/** A layer of a run that is followed. */
export interface LayerStep extends LayerResult {
  /** Queries that were computed at once. */
  readonly chunk: number;
  /** What leaves the layer; to be asked for before the next layer is. */
  readonly stream: () => Promise<ResidualStream>;
}

/** The keys that attention is taken from. */
interface AttentionSources {
  /** Rows among which they were looked for. */
  readonly rows: number;
  /** 1 for a source, [b, h, rows]. */
  readonly found: Uint8Array;
}

export interface ChosenBlocks {
  /** Rising; those of calls in which no row chooses are missing. Block c may be chosen by a row of block c + 2 or later, and block 0 never. */
  readonly rows: readonly {
    readonly row: number;
    /** What the choice goes by, [h][complete blocks]. */
    readonly scores: Float32Array;
    /** 1 where the block is opened besides the first and the newest two, shaped alike. */
    readonly opened: Uint8Array;
  }[];
}

/** The keys that queries read most. */
export interface TopKeys {
  /** [n][h][k], largest first, the earlier of two equal ones first; 0 where a query reads fewer keys. */
  readonly weights: Float32Array;
  /** [n][h][k], rows of the sequence; -1 where a query reads fewer keys. */
  readonly keys: Int32Array;
  readonly heads: number;
  readonly k: number;
}

export interface LayerReinforcement {
  readonly selected: readonly boolean[];
  readonly outlier: readonly boolean[];
  readonly divergence: readonly number[];
}

export interface RunResult {
  readonly layers: readonly LayerResult[];
  /** [b, rows, v]; the rows are those behind `past`. */
  readonly logits?: TensorData;
  /** By variant, in nats per token. */
  readonly loss?: readonly number[];
  /** [variants][asked], in the order of `answersAt`. */
  readonly answers?: readonly (readonly RowAnswer[])[];
  /** By variant, where each token was asked for. */
  readonly nextTokens?: readonly NextTokens[];
}

/** What the queries at the rows of `lossAt` predict, rising; without those that are the last row. */
export interface NextTokens {
  /** -ln of the probability of the token that follows, nats. */
  readonly loss: Float64Array;
  /** The token that is most probable; the lower id of two that are equally so. */
  readonly best: Int32Array;
}
