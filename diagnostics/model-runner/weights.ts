/** Weights of a model on the host, widened to float32: what heads could do, which no run shows. Only what is asked for is read. */
import type { Rope } from '../../models/formats/model-description';
import type { ClassifierRows } from '../../models/architectures/vision-tower';
import type { RotaryTables } from '../../models/architectures/rope';
import type { Linear } from '../../models/architectures/weights-spec';

/** [rows, columns], row by row. */
export interface HeadMap {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** [rows] */
  readonly bias?: Float32Array;
}

export interface NormWeights {
  readonly kind: 'layer' | 'rms';
  /** [size]; as it multiplies, also where a family stores it less one. */
  readonly gain: Float32Array;
  readonly bias?: Float32Array;
  readonly epsilon: number;
}

/** A norm over each `size` rows of queries or keys: those of a head, or of all heads together. */
export interface HeadNormWeights extends NormWeights {
  readonly size: number;
  /** [size], or [h size] where heads have a gain each. */
  readonly gain: Float32Array;
}

/** The norms about a branch (models/architectures/model-spec.ts, `BranchNorms`). */
export interface BranchWeights {
  readonly input?: NormWeights;
  readonly output?: NormWeights;
  /** Factor of each channel behind `output`, [w]. */
  readonly gain?: Float32Array;
  readonly after?: NormWeights;
}

/**
 * With x [w] the normalised residual stream at one position: query = Wq x + bq [h d], key and value alike [g d]; attention adds
 * Wo o + bo to the stream, o [h d] the outputs of the heads. h query heads, g key/value heads, d head width, w hidden size.
 */
export interface LayerWeights {
  /** [h d, w] */
  readonly query: HeadMap;
  /** [g d, w] */
  readonly key: HeadMap;
  readonly value: HeadMap;
  /** [w, h d] */
  readonly output: HeadMap;
  /** Factor on query x key. */
  readonly scale: number;
  /**
   * Each number of a head's output is multiplied by a gate from 0 to 1, set by the token that reads (the sigmoid of a map of its stream).
   * `output` comes after the gates, and the weighted sum of values before them.
   */
  readonly gated?: true;
  /** Scores are softcap tanh(scores / softcap). */
  readonly softcap?: number;
  /** Norms over each head of query and key, [d]. */
  readonly queryNorm?: NormWeights;
  readonly keyNorm?: NormWeights;
  readonly attentionNorms: BranchWeights;
  readonly feedForwardNorms: BranchWeights;
}

/**
 * - gates: the caller takes no output for a product of weights and values alone
 * - scores: it takes no score for a product of query and key alone. Biases by distance, learned sinks and scales by position stay out.
 */
export type BesideWeights = 'gates' | 'scores';

/** Heads that read their own text, or the source of an encoder-decoder. */
export type Attending = 'self' | 'cross';

export type HeadMaps = Pick<LayerWeights, 'query' | 'key' | 'value' | 'output'>;

/**
 * What products of queries and keys are made of: query = Wq x and key = Wk x, x [w] what attention reads. That is the stream, or a narrower
 * one that is made of it, or the stream beside the embedding.
 */
export interface ScoreWeights extends Pick<LayerWeights, 'query' | 'key' | 'scale'> {
  readonly queryNorm?: HeadNormWeights;
  readonly keyNorm?: HeadNormWeights;
  /** On x. */
  readonly input?: NormWeights;
}

/** How the heads of a layer rotate at some positions; cos and sin [positions, dimensions / 2]. */
export interface LayerRotation extends RotaryTables, Pick<Rope, 'dimensions' | 'layout'> {}

/** Rows of the vocabulary, [count, w] from token `first` on. */
export interface TokenRows {
  /** Whether embeddings of positions are added to them, and nothing else is done. */
  readonly addsPositions: boolean;
  /** Embeddings of the tokens as they enter layer 0, without those of positions. */
  embedding(first: number, count: number): Promise<Float32Array>;
  /**
   * Directions of the last residual stream that raise the logits of the tokens: rows of the unembedding, the gain of the final
   * norm multiplied in and, of a LayerNorm, the mean taken out.
   */
  unembedding(first: number, count: number): Promise<Float32Array>;
}

/** What reads the rows that leave the last block of a vision encoder. */
export interface EncoderHead {
  readonly norm: NormWeights;
  /** The checkpoint's own classifier. */
  readonly classifier?: {
    /** [classes, inputs] */
    readonly linear: HeadMap;
    readonly reads: ClassifierRows;
    /** Rows are read behind `norm`. */
    readonly normed: boolean;
    /** Names of the classes, as config.json has them (`id2label`); `class N` where it has none. */
    readonly classes: readonly string[];
  };
}

export interface ModelWeights {
  /** Refuses a layer whose attention does more than these weights say, but for what is `beside` them. */
  layer(layer: number, beside?: readonly BesideWeights[]): Promise<LayerWeights>;
  /**
   * Refuses a layer whose heads have no maps of their own. What else is done to queries, keys and values is not asked. Keys and values of
   * cross-attention are maps of the source.
   */
  heads(layer: number, of?: Attending): Promise<HeadMaps>;
  /** Refuses layers whose scores are no form of what attention reads. */
  scores(layer: number): Promise<ScoreWeights>;
  /** A linear map of the specification, [outputs, inputs]. */
  map(linear: Linear): Promise<HeadMap>;
  /** Fails where the model is no vision encoder. */
  encoderHead(): Promise<EncoderHead>;
  /** At positions of a sequence whose last one is `last`; undefined where the layer does not rotate. */
  rotation(layer: number, positions: readonly number[], last: number): LayerRotation | undefined;
  /** Absent where the model has no language head that is a linear map, or reads no tokens. */
  readonly tokens: TokenRows | undefined;
  /** a b^T [n, k] of a [n, inner] and b [k, inner], both row by row, in the runtime. */
  product(a: Float32Array, b: Float32Array, inner: number): Promise<Float32Array>;
}
