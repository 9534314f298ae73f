/**
 * An attention layer as data: its projections, and what happens to scores, probabilities and outputs.
 *
 * Notation of shapes: b batch, n positions of this run, t keys (cache and n), h query heads, g key/value heads, d head width.
 */
import type {
  AlibiBias,
  DistanceBuckets,
  FusedRows,
  RelativeDistances,
  Tempered,
} from '../formats/families/shared/computation';
import type { FixedRouting } from '../instrument/changes/routing';
import type { Linear, Norm, NormedMap } from './weights-spec';

type Projection =
  | {
      readonly kind: 'separate';
      readonly query: Linear;
      readonly key: Linear;
      readonly value: Linear;
      /** Queries and keys read the stream through this map (MobileBERT). */
      readonly shared?: NormedMap;
    }
  /** One product: all queries, all keys, all values (GPT-2), or in groups a head's each (GPT-NeoX), or those of a key/value head (Falcon). */
  | ({
      readonly kind: 'fused';
      readonly linear: Linear;
      /** Names of biases of queries and of values, [h d], which are stored head after head (DeBERTa). */
      readonly biases?: { readonly query: string; readonly value: string };
    } & FusedRows)
  /** Queries, and for each head of keys its key and its value in one product (TeleChat). */
  | { readonly kind: 'beside'; readonly query: Linear; readonly keysAndValues: Linear }
  /** As `separate`, filled up and paired (differential.ts). */
  | { readonly kind: 'paired'; readonly query: Linear; readonly key: Linear; readonly value: Linear }
  /** Keys and values are those of an earlier layer, which rows carry (carried-rows.ts). */
  | { readonly kind: 'handed'; readonly query: Linear; readonly layer: number }
  | LatentProjection
  | MixtureProjection
  | MarkedProjection
  | PredictingProjection;

/** Queries of both streams of a row, and keys and values of each of them (predicting-stream.ts). Heads stand twice. */
export interface PredictingProjection extends Readonly<Record<'query' | 'key' | 'value', Linear>> {
  readonly kind: 'predicting';
}

/** Maps of all tokens, and those by which marked tokens read (marked-tokens.ts). Heads are twice as wide as what the maps give of each. */
export interface MarkedProjection {
  readonly kind: 'marked';
  readonly usual: Readonly<Record<'query' | 'key' | 'value', Linear>>;
  readonly marked: Readonly<Record<'query' | 'key' | 'value', Linear>>;
}

/**
 * Multi-head latent attention (arXiv:2405.04434, section 2.1; arXiv:2503.11132), computed in its absorbed form: all query heads read
 * one key/value head of `rotary` + `rank` numbers, the shared rotary key k_r and the latent c. A query is [q_r; B_k^T q_n]; the
 * value is the key itself, of which B_v reads c. So `kvHeads` is 1, and `headDim` is `rotary` + `rank`.
 */
export interface LatentProjection {
  readonly kind: 'latent';
  /** A_q; absent: queries are projected directly. */
  readonly queryDown?: Linear;
  /** B_q: head after head [q_n; q_r]. */
  readonly query: Linear;
  /** Norms of the narrowed query and of the latent c (DeepSeek). */
  readonly queryNorm?: Norm;
  readonly latentNorm?: Norm;
  /** A_kv: [c; k_r]. */
  readonly down: Linear;
  /** Factor on c after its norm (LongCat-Flash); absent: 1. */
  readonly latentFactor?: number;
  /** B_k and B_v: head after head, from c, the key without position and the value. */
  readonly up: Linear;
  /** r_kv: width of the latent. */
  readonly rank: number;
  /** d_r: numbers of a query and of the shared key that are rotated. */
  readonly rotary: number;
  /** d_n: numbers of a query without position. */
  readonly plain: number;
  /** d_v: what a head gives to the output projection. */
  readonly value: number;
}

/**
 * Mixture of attention heads (arXiv:2210.05144, section 3; JetMoE, arXiv:2404.07413): a token chooses k of E experts, each of which has the
 * query and output projections of its own group of heads. Head r m + i is head i of the m heads of the expert that the token likes r-th
 * best, so that it is another expert's at another token. Keys and values are those of m heads, which all experts share: they stand k times
 * in the cache.
 */
export interface MixtureProjection {
  readonly kind: 'mixture';
  /** w -> E. The shares of the k largest are their softmax. */
  readonly router: Linear;
  /** k */
  readonly perToken: number;
  /** The queries of all experts, one expert behind the other, w -> E m d. */
  readonly query: Linear;
  /** w -> m d. */
  readonly key: Linear;
  readonly value: Linear;
}

export interface AttentionSpec {
  readonly projection: Projection;
  /** With the projection `mixture`, that of the first expert: the rows of the others follow, and all share one bias. */
  readonly output: Linear;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of a value, if it is narrower than a key: values are padded with zeros (MiMo-V2). */
  readonly valueDim?: number;
  /** Norm over each head of the value (Gemma 4). */
  readonly valueNorm?: Norm;
  /** Factor on query x key. */
  readonly scale: number;
  readonly causal: boolean;
  /** Positions that a query reads, its own included. */
  readonly window?: number;
  /** The window begins at the multiples of its size, and is read from there on (Llama 4). */
  readonly chunked?: true;
  /** Where attention is not causal: positions nearer than this are read, on either side. */
  readonly around?: number;
  /** Scores are softcap * tanh(scores / softcap). */
  readonly softcap?: number;
  /** Index into ModelSpec.ropes. */
  readonly rope?: number;
  /** Where the checkpoint stores the sines of the rotation, and behind them the cosines: name and rows of the table [rows, d] (RoFormer). */
  readonly turns?: { readonly table: string; readonly rows: number };
  /** Each token has only some heads (`mixture_of_heads` of a config). */
  readonly routing?: FixedRouting;
  /** Norms over each head of the query and of the key (qwen3, gemma 3), or over all heads together, as wide as these (OLMo 2). */
  readonly queryNorm?: Norm;
  readonly keyNorm?: Norm;
  /** The norms are of what is rotated (Hunyuan); absent: they stand before the rotation. */
  readonly lateNorms?: true;
  /** Queries are scaled by their position, behind norms and rotation. */
  readonly tempered?: Tempered;
  /** Queries, keys and values are held between -clip and clip (OLMo, MPT). */
  readonly clip?: number;
  readonly alibi?: AlibiBias;
  /** A convolution of the values of each head over positions, with a kernel [h, 1, size, 1], is added to its output (Nyströmformer). */
  readonly convolution?: { readonly weight: string; readonly size: number };
  /** Name of one learned score a head, [heads], beside those of the keys: probabilities sum to less than 1 (gpt-oss). */
  readonly sinks?: string;
  readonly buckets?: BucketBias;
  /** With the projection `predicting`. */
  readonly mappedBuckets?: MappedBuckets;
  /** Keys and values are given to twice as many heads as they are made for (cross-attention of two streams). */
  readonly twice?: true;
  readonly disentangled?: DisentangledTerms;
  readonly waves?: RelativeWaves;
  readonly groups?: TokenGroups;
  /** On the outputs of all heads, before the output projection (BitNet). */
  readonly outputNorm?: Norm;
  /** Outputs of pairs of heads are subtracted from one another; with the projection `paired`. */
  readonly differential?: DifferentialSpec;
  readonly valueBias?: ValueBias;
  /** The query projection is twice as wide: of each head its query, then numbers whose sigmoid multiplies its output (Qwen3-Next). */
  readonly gated?: true;
}

/** Names of the two vectors of queries and of keys, [d] each, whose products make lambda, beside its first value. */
export interface DifferentialSpec {
  readonly query: readonly [string, string];
  readonly key: readonly [string, string];
  readonly initial: number;
  readonly epsilon: number;
}

/**
 * The score of a key is raised by exp(gain softplus(y)), where y is this map of the values of all heads at its position, one number a
 * key/value head (Doge, arXiv:2412.11834).
 */
export interface ValueBias {
  /** g d -> g. */
  readonly linear: Linear;
  /** Name of the gains, [g]. */
  readonly gain: string;
}

/** Groups of tokens that rows stand for (`token-groups.ts`): 2^level tokens each. */
export interface TokenGroups {
  /** Level of the stream that enters the layer, and of its keys. */
  readonly from: number;
  /** Level of its queries, and of the stream that leaves it: `from`, or one more. */
  readonly level: number;
  /**
   * Level of the stream that enters a layer which spreads it over tokens, and adds it to that which rows carry (`CarriedSpec.kept`): `from`
   * and `level` are 0.
   */
  readonly spread?: number;
}

/** Scores by the waves of a distance (`relative-positions.ts`). */
export interface RelativeWaves {
  /** Name of W, [width, h, d]: keys of the waves. */
  readonly map: string;
  /** Numbers of R: sines, then cosines, of distance x 10000^(-2 i / width), i = 0 .. width / 2 - 1. */
  readonly width: number;
  /** Names of u and v, [h, d]. */
  readonly content: string;
  readonly position: string;
  /** Names of a vector [h, d] that is added to queries, and of a table [2, h, d] whose second row they meet in keys of the same segment. */
  readonly segment?: { readonly query: string; readonly table: string };
}

/** A number for each bucket of distances and head, which a map of the stream gives, is added to the scores (ProphetNet). */
export interface MappedBuckets extends Pick<DistanceBuckets, 'buckets' | 'farthest'> {
  /** w -> buckets h, of each stream. */
  readonly map: Linear;
}

/** A learned number for each head and bucket of distances is added to the scores (T5, MPNet). */
export interface BucketBias extends DistanceBuckets {
  /** Name of the table [buckets, h], which layers may share. */
  readonly table: string;
}

/**
 * Scores of a query at i and a key at j with relative positions of rows r(i - j) in a table (DeBERTa): scale x query(i) . Key(r), and
 * scale x key(j) . Query(r), whose maps are of the table's rows, normed where there is a norm.
 */
export interface DisentangledTerms {
  /** Name of the table [2 span, w]. */
  readonly table: string;
  readonly norm?: Norm;
  readonly key?: Linear;
  readonly query?: Linear;
  readonly distances: RelativeDistances;
}
