/**
 * What a decoder or encoder computes, as data: each family (one file per family) turns a description and the names of its
 * stored tensors into a ModelSpec, and `block-graph.ts` turns one block of it into a layer graph.
 */
import type { Rope } from '../formats/model-description';
import type { MarkRule, Waves } from '../formats/families/shared/computation';
import type { AttentionSpec } from './attention-spec';
import type { BesideText } from './beside-spec';
import type { AltUpSpec, CarriedSpec, NarrowSpec, VectorSpec } from './carried-spec';
import type { FeedForwardSpec, RoutedSpec } from './network-spec';
import type { StateSpec } from './state-spec';
import type { Activation, Linear, Norm, NormedMap } from './weights-spec';

/**
 * One block. Without `parallel`: x += outNorm(mixer(inNorm(x))), afterNorm; then the same with the feed-forward network.
 * With `parallel` (GPT-NeoX) both read x and are added together. Its mixer is attention, or a recurrence, or both, which read the same
 * and are added together (Falcon-H1), or there is none; and it may have no network (Mamba, Nemotron-H).
 */
export interface BlockSpec {
  readonly index: number;
  readonly attention?: AttentionSpec;
  readonly state?: StateSpec;
  /** A mixer without heads instead of both: `fourier-transform.ts` (FNet). */
  readonly fourier?: true;
  /** The attention is not beside the recurrence but before it, in a block that layers share. */
  readonly shared?: SharedSpec;
  /** Between attention and network (a decoder that reads a source). */
  readonly cross?: CrossSpec;
  readonly feedForward?: FeedForwardSpec | RoutedSpec;
  readonly parallel: boolean;
  /** Those of the mixer, whichever it is. */
  readonly attentionNorms: BranchNorms;
  readonly feedForwardNorms: BranchNorms;
  /** A second network behind the first, which no tap and no change names: the adapter of a language (X-MOD). */
  readonly adapter?: { readonly network: FeedForwardSpec; readonly norms: BranchNorms };
  readonly convolved?: ConvolvedStream;
  readonly bottleneck?: Bottleneck;
  /**
   * A shortcut around the next block (LongCat-Flash, arXiv:2509.01322, section 2.2): the output of the routed experts of a block with
   * `leaves` is not added there, but after the next block, which has `joins`.
   */
  readonly shortcut?: 'leaves' | 'joins';
  readonly altUp?: AltUpSpec;
  readonly narrow?: NarrowSpec;
  readonly vector?: VectorSpec;
}

/**
 * The branches of a block have a stream of their own, narrower than that of the model (MobileBERT, arXiv:2004.02984, section 3.1). It
 * begins as a map of the stream that enters; at its end another map of it is added to that stream.
 */
interface Bottleneck {
  readonly width: number;
  readonly enter: NormedMap;
  /** Between attention and the network of the block, one after the other; no tap and no change names them. */
  readonly networks: readonly { readonly network: FeedForwardSpec; readonly norms: BranchNorms }[];
  /** Its norm acts on the sum. */
  readonly leave: NormedMap;
}

/**
 * A convolution of the stream that enters a block, over its positions: it is added to what leaves the block, and the sum is normed
 * (DeBERTa v2's n-gram layer, arXiv:2006.03654, appendix). No tap and no change names it.
 */
export interface ConvolvedStream {
  /** Name of the kernels [w, w, size]; zeros stand beyond the ends of a text. */
  readonly weight: string;
  readonly bias: string;
  readonly size: number;
  readonly activation: Activation | 'tanh';
  readonly norm: Norm;
}

/**
 * Cross-attention: queries of the block's stream, keys and values of what an encoder gave (`ModelSpec.sourceWidth` numbers a row). Every
 * query reads every row of the source.
 */
export interface CrossSpec {
  readonly attention: AttentionSpec;
  readonly norms: BranchNorms;
}

/** What surrounds the attention of a layer whose block of attention and network is shared with other layers (shared-block.ts). */
export interface SharedSpec {
  /** A norm over the stream and the embedding side by side, 2 w. */
  readonly norm: Norm;
  /** A norm of the output of attention, which is all that the network reads. */
  readonly networkNorm: Norm;
  readonly network: FeedForwardSpec;
  /** w -> w, the layer's own map: its recurrence reads the result besides the stream. */
  readonly output: Linear;
}

export interface BranchNorms {
  /** On what the branch reads. */
  readonly input?: Norm;
  /** On what the branch gives, before it is added. */
  readonly output?: Norm;
  /** Factor of each channel of what the branch gives, before it is added (DINOv2's layer scale): name of the tensor [w]. */
  readonly gain?: string;
  /** Factor of each channel of the stream that the branch is added to: name of the tensor [w] (Doge). */
  readonly carry?: string;
  /** Factor of the stream and of what the branch adds to it: name of the tensor [1] (Gemma 4). */
  readonly scalar?: string;
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
  /** Inputs other than the words, which are the same at every token of a text. */
  readonly beside?: BesideText;
  /** A second stream for each token, in front of its numbers: this row of a table and the position behind, normed (predicting-stream.ts). */
  readonly predicts?: { readonly table: string; readonly rows: number; readonly row: number };
  readonly norm?: Norm;
  /** The norm is of the words, before positions are added; such a model has no types and is not widened (Blenderbot small). */
  readonly wordNorm?: true;
  /** OPT-350m embeds in a narrower space. */
  readonly project?: Linear;
  /** The projection reads the next word, the own word and the previous word of each token side by side; zeros beyond a text (MobileBERT). */
  readonly neighbours?: true;
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

/** What gives labels to a text, to each of its tokens, or to the two ends of an answer, from the stream behind the last norm. */
export interface LabelHead {
  readonly of: 'text' | 'token' | 'span';
  /** The row that is read for a whole text. */
  readonly reads: 'first' | 'last' | 'mean';
  /** One behind the other; the last has a row for each label. */
  readonly maps: readonly {
    readonly linear: Linear;
    readonly activation?: Activation | 'tanh';
    /** Behind the activation. */
    readonly norm?: Norm;
  }[];
  readonly names: readonly string[];
}

export interface HeadSpec {
  /** In place of `vocabulary`, of a classifier. */
  readonly labels?: LabelHead;
  readonly norm?: Norm;
  readonly project?: Linear;
  /** A text encoder without a language head: this row, through `norm` and `project`, is the embedding of the text. */
  readonly pooled?: TextPooling;
  /** Head of a masked language model: a layer between the stream and the vocabulary (BERT). */
  readonly transform?: { readonly linear: Linear; readonly activation: Activation; readonly norm: Norm };
  /** Absent: the model has no language head, and the run ends with the last residual. */
  readonly vocabulary?: Linear;
  /** Only the first numbers of a row are read, so many. */
  readonly first?: number;
  /** `vocabulary` reads only the first numbers of a row, and this map reads the rest (MobileBERT). */
  readonly rest?: Linear;
  /** Each row, or each column, of `vocabulary` is divided by its length. */
  readonly unit?: 'rows' | 'columns';
  readonly softcap?: number;
}

export interface ModelSpec {
  readonly family: string;
  readonly hiddenSize: number;
  readonly carried?: CarriedSpec;
  /** Absent in a vision tower: its rows are patches and come from `patch-graphs.ts`. */
  readonly embedding?: EmbeddingSpec;
  readonly blocks: readonly BlockSpec[];
  readonly head: HeadSpec;
  readonly ropes: readonly Rope[];
  /** Which tokens of a text are marked; present where blocks have the projection `marked`. */
  readonly marks?: MarkRule;
  /** Width of the rows that cross-attention reads; present where blocks have `cross`. */
  readonly sourceWidth?: number;
  /** `max_position_embeddings`; what a rotary form makes of it says `usableContext`. */
  readonly contextLength?: number | undefined;
}

/** The checkpoint does not hold what the config promises, or holds what no family here computes: one sentence. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}
