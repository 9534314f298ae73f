import type { Layer, ModelPart } from '../../model-description';
import type { SharedRow } from './shared-row';
import type { StateRow } from './state-row';

/**
 * What a decoder computes beyond what its layout and its description say: `computes` of a row. Left out, a field means the usual thing:
 * a norm before each branch, projections as the layout names them, scores divided by the root of the head's width.
 */
export interface Computation {
  /**
   * Where the norms of `layout.norms` stand, in their order. A layout without norms has them at these places without weights. Absent: one
   * norm is read by both branches, two stand before a branch each, and of four the second and the fourth stand behind.
   */
  readonly norms?: readonly NormPlace[] | ((part: ModelPart, layer: Layer) => readonly NormPlace[]);
  /** The norm before a branch is of the stream itself: the branch is added to what it reads, with these factors (MiniMax-01). */
  readonly onStream?: (part: ModelPart, layer: Layer) => Readonly<Record<'attention' | 'network', StreamFactors>>;
  /** Attention and network read the same stream, and both are added to it. */
  readonly parallel?: (part: ModelPart) => boolean;
  /** The norm of the embedding is of the words, before positions are added (Blenderbot small). */
  readonly wordNorm?: true;
  /** The embedding is normed without weights. */
  readonly plainEmbeddingNorm?: true;
  /** The last norm has no weights; absent: it is the one that the layout names. */
  readonly plainFinalNorm?: true | ((part: ModelPart) => boolean);
  /** Norms are only a gain and a bias (MobileBERT's NoNorm). */
  readonly affineNorms?: true;
  /** Norms of the stream, and of heads, multiply by 1 plus what is stored. */
  readonly gainOffset?: 1;
  /** How the rows of one projection for queries, keys and values lie; absent: all queries, all keys, all values. */
  readonly fused?: (part: ModelPart, layer: Layer) => FusedRows;
  /** Each head of query and key is normed without weights, where the layout names no norm of them. */
  readonly plainHeadNorms?: true | ((part: ModelPart, layer: Layer) => boolean);
  /** Each head of the value is normed without weights (Gemma 4). */
  readonly plainValueNorm?: true;
  /** Values may be narrower than keys (MiMo-V2). */
  readonly narrowValues?: true;
  /** The norms of query and key are of what is rotated already. */
  readonly lateNorms?: true;
  /** Factor on the product of query and key. */
  readonly scale?: (part: ModelPart, layer: Layer) => number;
  /** Factors on narrowed queries, and on the latent after its norm (LongCat-Flash). */
  readonly latentFactors?: (
    part: ModelPart,
    layer: Layer,
  ) => { readonly query: number; readonly latent: number } | undefined;
  readonly tempered?: (part: ModelPart, layer: Layer) => Tempered | undefined;
  /** Queries, keys and values are held between -clip and clip. */
  readonly clip?: (part: ModelPart) => number | undefined;
  readonly alibi?: (part: ModelPart, layer: Layer) => AlibiBias | undefined;
  /** Where attention is not causal: positions nearer than this are read, on either side; absent: the window of the layer. */
  readonly around?: (part: ModelPart, layer: Layer) => number | undefined;
  /** Layers with a window read everything in texts up to so long, as the class does; longer ones are not run. */
  readonly readsAllOf?: (part: ModelPart) => number | undefined;
  /** Tokens that read all and are read by all, through the projections `marked` of the layout; undefined if there are none. */
  readonly marks?: (part: ModelPart) => MarkRule | undefined;
  /** Tokens of a text at most, where the class computes longer ones in another way. */
  readonly longest?: (part: ModelPart) => number | undefined;
  /** Epsilon of the norms, where no key of the config gives it. */
  readonly epsilon?: number;
  /** Epsilon of the norms of layers, where the class gives that of the config to the last norm alone (JetMoE). */
  readonly layerEpsilon?: number;
  /** Name of the activation; absent: `hidden_act` of the config. */
  readonly activation?: (part: ModelPart, transformersVersion: string | undefined) => string | undefined;
  /** Share of the gates of a layer's network that count as 0, by the quantile of a normal distribution; 0: none (Gemma 3n). */
  readonly sparsity?: (part: ModelPart, layer: Layer) => number;
  /** Networks with a held gate: `HeldGate` of models/architectures/network-spec.ts. */
  readonly heldGate?: HeldGateRule | ((part: ModelPart) => HeldGateRule | undefined);
  /**
   * The recurrence of a layer, in place of attention or beside it; undefined where the layer has none. A family that says this may have
   * layers without attention, and layers without a network.
   */
  readonly state?: (part: ModelPart, layer: Layer) => StateRow | undefined;
  /** The block of attention and network that a layer shares with others, before its recurrence; undefined if it has none. */
  readonly shared?: (part: ModelPart, layer: Layer) => SharedRow | undefined;
  /** Layers may lack attention or a network without having a recurrence instead. Gives what a layer has there that is not computed. */
  readonly thinned?: (part: ModelPart, layer: Layer) => string | undefined;
  /** Rows of a layer stand for groups of tokens (`models/architectures/token-groups.ts`); undefined if no layer has groups. */
  readonly groups?: (part: ModelPart, layer: Layer) => GroupsRow | undefined;
  /** Layers have a Fourier transform of positions and channels instead of attention (FNet). */
  readonly fourier?: true;
  /** What `more` and `extra` of the layout write is either computed or refused by a key. */
  readonly ownParts?: true;
  /** Factor on the products of the router. */
  readonly routerFactor?: (part: ModelPart) => number;
  /** Experts that return their input, listed after those that have weights. */
  readonly identityExperts?: (part: ModelPart) => number;
  /** The output of experts is added after the next layer (`BlockSpec.shortcut`). */
  readonly shortcut?: (part: ModelPart, layer: Layer) => 'leaves' | 'joins';
  /** How experts are chosen and weighed. */
  readonly router?: (part: ModelPart) => RouterRules;
  /** Factor on the embedding of a token. */
  readonly embeddingScale?: (part: ModelPart) => number | undefined;
  /** A token that masks, whose rows are nothing, and the share of them in training: what is left is scaled to that share (ESM). */
  readonly maskedShare?: (
    part: ModelPart,
  ) => { readonly token: number | undefined; readonly share: number } | undefined;
  /** Factors on queries, keys, values and what attention adds (Falcon-H1). */
  readonly attentionFactors?: (part: ModelPart) => Readonly<Record<'query' | 'key' | 'value' | 'output', number>>;
  /** Factors on what the activation of a gated network reads, and on what the network adds (Falcon-H1). */
  readonly networkFactors?: (part: ModelPart) => Readonly<Record<'gate' | 'down', number>>;
  /** Factor on what each branch adds to the stream. */
  readonly branchFactor?: (part: ModelPart) => number | undefined;
  /** Where the decoder stands alone, the class has a head of its own, whatever the file says of it and the embedding. */
  readonly ownHead?: true;
  /** Each row of the language head is divided by its length (Baichuan 2), or each column (Ling). */
  readonly unitHead?: (part: ModelPart) => 'rows' | 'columns' | undefined;
  /** Factor on the logits. */
  readonly logitFactor?: (part: ModelPart) => number | undefined;
  /** Positions that are added to the embedding and are computed, where no table of them is stored: sines, then cosines. */
  readonly waves?: (part: ModelPart) => Waves | undefined;
}

/** Groups of 2^level tokens: as `TokenGroups` of models/architectures/attention-spec.ts. */
interface GroupsRow {
  readonly from: number;
  readonly level: number;
  readonly spread?: number;
  /** With `spread`: the layer whose stream is added. */
  readonly kept?: number;
}

interface HeldGateRule {
  readonly bound: number;
  readonly slope: number;
}

/** Factors on the stream, and on what a branch adds to it. */
export interface StreamFactors {
  readonly kept: number;
  readonly added: number;
}

/** What a router makes of its products with the stream, by expert. */
export interface RouterRules {
  /** Scores of experts: softmax over all, or a sigmoid of each. */
  readonly scores: 'softmax' | 'sigmoid';
  /** The weights of the chosen experts are divided by their sum; absent: they are their scores. */
  readonly normalised?: boolean;
  /** Experts are chosen in these groups alone, by their largest score or the sum of their two largest. */
  readonly groups?: { readonly count: number; readonly kept: number; readonly by: 'largest' | 'two-largest' };
  /** Factor on the weights. */
  readonly factor?: number;
  /**
   * SparseMixer (arXiv:2310.00811, as Phi-3.5 MoE runs): each of two experts in turn is the largest that is left, and its weight its share
   * among those products that are within this part of it; scores and the other rules are not used.
   */
  readonly mixer?: number;
  /** The weight of an expert is a factor on what it reads, not on what it gives (Llama 4). */
  readonly onInput?: true;
}

/**
 * `both`: one norm that both branches read; `.output`: a norm of the output of a branch; `.sum`: of the stream after that is added;
 * `inside`: norms of parts of the network, which name them themselves.
 */
export type NormPlace =
  | 'both'
  | 'inside'
  | 'attention'
  | 'network'
  | 'attention.output'
  | 'network.output'
  | 'attention.sum'
  | 'network.sum';

/** Groups of rows one after the other, and in each group the share of each kind in this order. */
export interface FusedRows {
  readonly groups: number;
  readonly order?: readonly ['query' | 'key' | 'value', 'query' | 'key' | 'value', 'query' | 'key' | 'value'];
}

/** A query at position p is multiplied by 1 + by ln(1 + floor((p + from) / every)) (arXiv:2501.19399, section 3, in steps). */
export interface Tempered {
  readonly by: number;
  readonly every: number;
  readonly from: 0 | 1;
}

/**
 * Which tokens of a text are marked: the first; those of a question, in front of the first separator; or those behind the two separators that
 * end it (Longformer).
 */
export type MarkRule = { readonly kind: 'first' } | { readonly kind: 'question' | 'text'; readonly separator: number };

/** What is added to a score: slope of the head x (position of the key - position of the query) (arXiv:2108.12409, section 3). */
export interface AlibiBias {
  /** By query head. */
  readonly slopes: readonly number[];
  /** Slope, position and product are rounded to bfloat16, then multiplied by the scale of the scores (Falcon). */
  readonly rounded?: true;
}

/** Distances between a query and a key, from so far on as one; `bothWays` tells keys in front of a query from those behind it. */
export interface DistanceBuckets {
  readonly buckets: number;
  readonly farthest: number;
  readonly bothWays: boolean;
  /** The table is stored by head, [h, buckets], and its numbers are multiplied by the scale of the scores (LayoutLMv3). */
  readonly byHead?: true;
}

/**
 * Distances of a query from a key between -span and span, those beyond as if they were the last. With `farthest` those of more than
 * half the span grow logarithmically, so that `farthest` less 1 is the last but one (DeBERTa v2).
 */
export interface RelativeDistances {
  readonly span: number;
  readonly farthest?: number;
}

/**
 * Position p has sin(p f_i) and behind them cos(p f_i) with f_i = 10000^(-i / span), i = 0 .. width / 2 - 1 (arXiv:1706.03762, section
 * 3.5, in its halves).
 */
export interface Waves {
  readonly span: number;
  /** Added to each position. */
  readonly offset: number;
}
