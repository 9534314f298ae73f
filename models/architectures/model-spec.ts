/**
 * What a decoder or encoder computes, as data: each family (one file per family) turns a description and the names of its
 * stored tensors into a ModelSpec, and `block-graph.ts` turns one block of it into a layer graph.
 *
 * Notation of shapes: b batch, n positions of this run, t keys (cache and n), h query heads, g key/value heads, d head width.
 */
import type { Rope } from '../formats/model-description';
import type {
  AlibiBias,
  DistanceBuckets,
  FusedRows,
  RelativeDistances,
  RouterRules,
  Waves,
} from '../formats/families/shared/computation';
import type { FixedRouting } from '../instrument/changes/routing';

/** y = factor (x W^T + bias). */
export interface Linear {
  readonly weight: string;
  readonly bias?: string | undefined;
  readonly inputs: number;
  readonly outputs: number;
  /** GPT-2 stores its weights [inputs, outputs]; every other family [outputs, inputs]. */
  readonly stored: 'outputs-inputs' | 'inputs-outputs';
  /**
   * The rows of a fused weight that belong to this projection (contiguous in the file, so nothing is copied); of a tensor of several
   * axes, those of its rows one after the other. Stored [inputs, outputs], rows are of the inputs.
   */
  readonly firstRow?: number;
  /** Rows of the stored weight, when it is fused. */
  readonly storedRows?: number;
  /** Each group of outputs reads the inputs of its group alone: stored [outputs, inputs / groups, 1], as a convolution (SqueezeBERT). */
  readonly groups?: number;
  /** Shape of the stored weight, where it is not [storedRows, columns]: experts of a layer in one tensor. */
  readonly storedShape?: readonly number[];
  /** Every second output, from this one on: gate and up of gpt-oss lie in turns. */
  readonly everySecond?: 0 | 1;
  /** The bias is [experts, outputs], of which this row is read. */
  readonly biasRow?: { readonly row: number; readonly rows: number };
  /** Absent: 1 (Granite multiplies what branches add, and divides the logits; Cohere multiplies the logits). */
  readonly factor?: number;
}

export interface Norm {
  readonly kind: 'layer' | 'rms';
  /** Absent: the gain is 1 (OPT without `layer_norm_elementwise_affine`). */
  readonly weight?: string | undefined;
  readonly bias?: string | undefined;
  readonly size: number;
  readonly epsilon: number;
  /** Gemma stores the gain minus one. */
  readonly gainOffset?: 1;
  /** Heads that are normed each by itself, with a gain each: `weight` is [heads, size] (Cohere), or `each` names theirs (StableLM). */
  readonly heads?: { readonly count: number; readonly each?: readonly string[] };
}

type Projection =
  | { readonly kind: 'separate'; readonly query: Linear; readonly key: Linear; readonly value: Linear }
  /** One product: all queries, all keys, all values (GPT-2), or in groups a head's each (GPT-NeoX), or those of a key/value head (Falcon). */
  | ({
      readonly kind: 'fused';
      readonly linear: Linear;
      /** Names of biases of queries and of values, [h d], which are stored head after head (DeBERTa). */
      readonly biases?: { readonly query: string; readonly value: string };
    } & FusedRows)
  | LatentProjection;

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

export interface AttentionSpec {
  readonly projection: Projection;
  readonly output: Linear;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Factor on query x key. */
  readonly scale: number;
  readonly causal: boolean;
  /** Positions that a query reads, its own included. */
  readonly window?: number;
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
  /** Queries, keys and values are held between -clip and clip (OLMo, MPT). */
  readonly clip?: number;
  readonly alibi?: AlibiBias;
  /** A convolution of the values of each head over positions, with a kernel [h, 1, size, 1], is added to its output (Nyströmformer). */
  readonly convolution?: { readonly weight: string; readonly size: number };
  /** Name of one learned score a head, [heads], beside those of the keys: probabilities sum to less than 1 (gpt-oss). */
  readonly sinks?: string;
  readonly buckets?: BucketBias;
  readonly disentangled?: DisentangledTerms;
  /** On the outputs of all heads, before the output projection (BitNet). */
  readonly outputNorm?: Norm;
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

export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'relu' | 'squared-relu';

/** xIELU (arXiv:2411.13010, section 3): names of the two stored numbers, [1] each, of which softplus makes the slopes. */
export interface LearnedActivation {
  readonly kind: 'xielu';
  readonly positive: string;
  readonly negative: string;
}

/**
 * gpt-oss: the gate is held below `bound` and the other product between -bound and bound; inner numbers are gate sigmoid(slope gate)
 * times the other plus 1.
 */
interface HeldGate {
  readonly kind: 'held-gate';
  readonly bound: number;
  readonly slope: number;
}

export interface FeedForwardSpec {
  readonly activation: Activation | LearnedActivation | HeldGate;
  readonly up: Linear;
  /** Gated: activation(gate(x)) * up(x). */
  readonly gate?: Linear;
  /** On what `down` reads (BitNet). */
  readonly innerNorm?: Norm;
  readonly down: Linear;
}

/** How a token chooses its experts and what they count: the row of its family says it (shared/computation.ts). */
export interface RouterSpec extends RouterRules {
  /** H -> E. */
  readonly linear: Linear;
  /** Name of what is added to the scores by which experts are chosen, E numbers (`shape`), and to no weight. */
  readonly choiceBias?: { readonly name: string; readonly shape: readonly number[] };
  /** k */
  readonly perToken: number;
}

/** Routed experts, of which each token has some, and perhaps a network that every token has. */
export interface RoutedSpec {
  readonly router: RouterSpec;
  readonly experts: readonly FeedForwardSpec[];
  readonly shared?: FeedForwardSpec;
  /** The sigmoid of this map, H -> 1, is a factor on what the shared network gives (Qwen2 MoE). */
  readonly sharedGate?: Linear;
}

/** Inner numbers that one row has: of the dense network, or of its experts and what stands beside them. */
export const innerWidth = (network: FeedForwardSpec | RoutedSpec): number =>
  isRouted(network)
    ? network.router.perToken * (network.experts[0]?.up.outputs ?? 0) + (network.shared?.up.outputs ?? 0)
    : network.up.outputs;

export const isRouted = (network: FeedForwardSpec | RoutedSpec): network is RoutedSpec => 'router' in network;

/**
 * One block. Without `parallel`: x += outNorm(attention(inNorm(x))), afterNorm; then the same with the feed-forward network.
 * With `parallel` (GPT-NeoX) both read x and are added together.
 */
export interface BlockSpec {
  readonly index: number;
  readonly attention: AttentionSpec;
  readonly feedForward: FeedForwardSpec | RoutedSpec;
  readonly parallel: boolean;
  readonly attentionNorms: BranchNorms;
  readonly feedForwardNorms: BranchNorms;
}

export interface BranchNorms {
  /** On what the branch reads. */
  readonly input?: Norm;
  /** On what the branch gives, before it is added. */
  readonly output?: Norm;
  /** Factor of each channel of what the branch gives, before it is added (DINOv2's layer scale): name of the tensor [w]. */
  readonly gain?: string;
  /** On the sum (BERT, OPT-350m). */
  readonly after?: Norm;
}

export interface EmbeddingSpec {
  /** [vocabulary, width] */
  readonly tokens: string;
  readonly vocabulary: number;
  readonly width: number;
  /** Gemma multiplies by sqrt(hidden size). */
  readonly scale?: number;
  /** Rows of this token are 0, and all others are multiplied by (1 - share) / (1 - its share of the text) (ESM). */
  readonly masked?: { readonly token: number; readonly share: number };
  /** Added to the embedding: rows of a table, or waves that are computed for so many positions. */
  readonly positions?:
    | {
        readonly weight: string;
        readonly rows: number;
        readonly offset: number;
        /** Id of a token that is not counted: it has the row in front of that of the first position (RoBERTa). */
        readonly padding?: number;
      }
    | { readonly waves: Waves; readonly rows: number; readonly weight?: undefined };
  /** Row 0 of these tables is added to every position (BERT, one segment). */
  readonly types?: readonly { readonly weight: string; readonly rows: number }[];
  readonly norm?: Norm;
  /** OPT-350m embeds in a narrower space. */
  readonly project?: Linear;
  /** Behind positions and types, which are as narrow as the tokens, and behind the norm where that is as narrow (ELECTRA), too. */
  readonly widen?: Linear;
}

/** The row whose stream stands for a whole text, in a model that puts texts beside pictures. */
export type TextPooling =
  /** The first row of the token that ends a text. */
  | { readonly kind: 'token'; readonly id: number }
  /** The first row of the largest id. */
  | { readonly kind: 'largest-id' }
  /** The last of `length` rows, filled up with `padding`. */
  | { readonly kind: 'last'; readonly padding: number; readonly length: number };

export interface HeadSpec {
  readonly norm?: Norm;
  readonly project?: Linear;
  /** A text encoder without a language head: this row, through `norm` and `project`, is the embedding of the text. */
  readonly pooled?: TextPooling;
  /** Head of a masked language model: a layer between the stream and the vocabulary (BERT). */
  readonly transform?: { readonly linear: Linear; readonly activation: Activation; readonly norm: Norm };
  /** Absent: the model has no language head, and the run ends with the last residual. */
  readonly vocabulary?: Linear;
  readonly softcap?: number;
}

export interface ModelSpec {
  readonly family: string;
  readonly hiddenSize: number;
  /** Absent in a vision tower: its rows are patches and come from `patch-graphs.ts`. */
  readonly embedding?: EmbeddingSpec;
  readonly blocks: readonly BlockSpec[];
  readonly head: HeadSpec;
  readonly ropes: readonly Rope[];
  /** `max_position_embeddings`; what a rotary form makes of it says `usableContext`. */
  readonly contextLength?: number | undefined;
}

/** The checkpoint does not hold what the config promises, or holds what no family here computes: one sentence. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}
