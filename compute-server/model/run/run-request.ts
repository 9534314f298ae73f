/** What a run of a model takes and gives. */
import type { LayerTap } from '../../../models/instrument/taps';
import type { RuntimeArray } from '../../runtime/session';
import type { HeadNumbers } from './head-statistics';
import type { GraphReinforcement, Variant } from './interventions';
import type { KeyValueCache } from './key-value-cache';
import type { Sequence } from './sequence';

export interface RunRequest extends Sequence {
  /** One run per variant, as a batch; absent: the plain model alone. Statistics and taps are those of variant 0. */
  readonly variants?: readonly Variant[];
  /** Token ids of each variant, as many as `ids`, where they differ; statistics and taps are still those of variant 0. */
  readonly variantIds?: readonly (readonly number[])[];
  /**
   * Keys and values of the rows [0, length), from a run of one variant that kept them: only the rows behind are run, for every
   * variant, and the cache stays as it is. Interventions act on those rows; statistics, maps and top keys need the whole prompt.
   */
  readonly past?: { readonly cache: KeyValueCache; readonly length: number };
  /** Queries per chunk. */
  readonly chunk: number;
  readonly statistics?: boolean;
  /** Earlier occurrences by position, where they are not those of the ids (null models of induction). */
  readonly earlier?: readonly (readonly number[])[];
  readonly thumbnails?: boolean;
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
  /** Probabilities of single heads. */
  readonly maps?: readonly { readonly layer: number; readonly head: number }[];
  /** Rows whose logits are wanted. */
  readonly logits: 'last' | 'all' | 'none';
  /** Mean loss of the next token (-ln of its probability, nats) over the queries at these rows, for each variant. */
  readonly lossAt?: readonly number[];
  /** The uninstrumented graphs: no variants, taps or statistics. For parity. */
  readonly plain?: boolean;
  /** Residual streams to start from instead of token embeddings (resumed or patched runs). */
  readonly from?: ResidualStream;
  /** Keep the residual stream that enters these layers. */
  readonly keepResiduals?: readonly number[];
  /** Keep keys and values, for decoding. */
  readonly keepCache?: boolean;
}

/** The residual stream [b, n, w] that enters a layer, chunk by chunk. */
export interface ResidualStream {
  readonly layer: number;
  readonly chunks: readonly Float32Array[];
  readonly chunk: number;
  readonly batch: number;
  /** Hidden size. */
  readonly width: number;
}

export interface LayerResult {
  readonly layer: number;
  readonly statistics?: HeadNumbers;
  /** [heads][thumbnailSize][thumbnailSize] */
  readonly thumbnail?: Float32Array;
  /** By tap; [rows of all chunks joined along n]. */
  readonly taps: Readonly<Partial<Record<LayerTap, RuntimeArray>>>;
  /** [heads][groups] */
  readonly lastMass?: Float32Array;
  /** What the layer chose, [heads]. */
  readonly reinforcement?: LayerReinforcement;
  /** By head: probabilities [n, t], row-major. */
  readonly maps: ReadonlyMap<number, Float32Array>;
  /** [n][h][topKeys], n 1 for the last query alone; weight 0 and key -1 where a query reads fewer keys. */
  readonly top?: {
    readonly weights: Float32Array;
    readonly keys: Int32Array;
    readonly heads: number;
    readonly k: number;
  };
}

export interface LayerReinforcement {
  readonly selected: readonly boolean[];
  readonly outlier: readonly boolean[];
  readonly divergence: readonly number[];
}

export interface RunResult {
  readonly layers: readonly LayerResult[];
  /** [b, rows, v]; the rows are those behind `past`. */
  readonly logits?: RuntimeArray;
  /** By variant, in nats per token. */
  readonly loss?: readonly number[];
  readonly cache?: KeyValueCache;
  readonly residuals: readonly ResidualStream[];
  /** What leaves the last layer. */
  readonly last: ResidualStream;
}

export interface RunHooks {
  readonly signal?: AbortSignal | undefined;
  /** After each layer of a run to its end. */
  readonly onLayer?: (result: LayerResult, residual: ResidualStream) => void;
  /** Between chunks: layer, and share of the layer done. */
  readonly onChunk?: (layer: number, share: number) => void;
}
