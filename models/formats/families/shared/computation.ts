import type { Layer, ModelPart } from '../../model-description';

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
  /** Attention and network read the same stream, and both are added to it. */
  readonly parallel?: (part: ModelPart) => boolean;
  /** The embedding is normed without weights. */
  readonly plainEmbeddingNorm?: true;
  /** The last norm has no weights; absent: it is the one that the layout names. */
  readonly plainFinalNorm?: true | ((part: ModelPart) => boolean);
  /** Norms of the stream, and of heads, multiply by 1 plus what is stored. */
  readonly gainOffset?: 1;
  /** How the rows of one projection for queries, keys and values lie; absent: all queries, all keys, all values. */
  readonly fused?: (part: ModelPart, layer: Layer) => FusedRows;
  /** Each head of query and key is normed without weights, where the layout names no norm of them. */
  readonly plainHeadNorms?: true;
  /** The norms of query and key are of what is rotated already. */
  readonly lateNorms?: true;
  /** Factor on the product of query and key. */
  readonly scale?: (part: ModelPart, layer: Layer) => number;
  /** Queries, keys and values are held between -clip and clip. */
  readonly clip?: (part: ModelPart) => number | undefined;
  readonly alibi?: (part: ModelPart, layer: Layer) => AlibiBias | undefined;
  /** Where attention is not causal: positions nearer than this are read, on either side; absent: the window of the layer. */
  readonly around?: (part: ModelPart, layer: Layer) => number | undefined;
  /** Layers with a window read everything in texts up to so long, as the class does; longer ones are not run. */
  readonly readsAllOf?: (part: ModelPart) => number | undefined;
  /** Epsilon of the norms, where no key of the config gives it. */
  readonly epsilon?: number;
  /** Name of the activation; absent: `hidden_act` of the config. */
  readonly activation?: (part: ModelPart, transformersVersion: string | undefined) => string | undefined;
  /** Experts with a held gate: `HeldGate` of models/architectures/model-spec.ts. */
  readonly heldGate?: { readonly bound: number; readonly slope: number };
  /** How experts are chosen and weighed. */
  readonly router?: (part: ModelPart) => RouterRules;
  /** Factor on the embedding of a token. */
  readonly embeddingScale?: (part: ModelPart) => number | undefined;
  /** A token that masks, whose rows are nothing, and the share of them in training: what is left is scaled to that share (ESM). */
  readonly maskedShare?: (
    part: ModelPart,
  ) => { readonly token: number | undefined; readonly share: number } | undefined;
  /** Factor on what each branch adds to the stream. */
  readonly branchFactor?: (part: ModelPart) => number | undefined;
  /** Factor on the logits. */
  readonly logitFactor?: (part: ModelPart) => number | undefined;
  /** Positions that are added to the embedding and are computed: sines, then cosines. */
  readonly waves?: (part: ModelPart) => Waves;
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
}

/** `both`: one norm that both branches read; `.output`: of what a branch gives; `.sum`: of the stream after it is added. */
export type NormPlace =
  'both' | 'attention' | 'network' | 'attention.output' | 'network.output' | 'attention.sum' | 'network.sum';

/** Groups of rows one after the other, and in each group the share of each kind in this order. */
export interface FusedRows {
  readonly groups: number;
  readonly order?: readonly ['query' | 'key' | 'value', 'query' | 'key' | 'value', 'query' | 'key' | 'value'];
}

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
