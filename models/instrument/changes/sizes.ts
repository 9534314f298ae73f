/** The rotated part of a head, and which of its dimensions make a plane. */
export interface Rotated {
  readonly dimensions: number;
  readonly layout: 'half' | 'interleaved';
}

/** What the changes of a layer and the shapes of their inputs need to know of it. */
export interface LayerSizes {
  readonly index: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Query heads of its cross-attention; absent: it has none. */
  readonly crossHeads?: number | undefined;
  readonly crossHeadDim?: number | undefined;
  /** Heads of the recurrence beside its attention; absent if it has none, or if `heads` are those of the recurrence. */
  readonly stateHeads?: number | undefined;
  readonly stateHeadDim?: number | undefined;
  readonly hiddenSize: number;
  /** Width of what the feed-forward network adds; absent: `hiddenSize`. */
  readonly networkWidth?: number | undefined;
  /** Inputs of the down projection of the feed-forward network. */
  readonly units: number;
  /** Routed experts, and how many of them a token has; `mixed`: chosen by a SparseMixer. */
  readonly experts?: { readonly count: number; readonly perToken: number; readonly mixed?: true } | undefined;
  /** Factor on query x key. */
  readonly scale: number;
  /** Positions that a query reads, its own included. */
  readonly window?: number | undefined;
  /** The window begins at the multiples of its size. */
  readonly chunked?: true | undefined;
  /** Present in a layer that rotates. */
  readonly rotated?: Rotated | undefined;
  /** Queries and keys are normed behind their rotation. */
  readonly lateNorms?: boolean;
  /** A sentence where the layer has no attention, and so neither scores nor keys. */
  readonly noScores?: string | undefined;
  /** Why the language head cannot read the stream of a layer, where it cannot. */
  readonly noLens?: string | undefined;
  /** A norm acts on the sum of the stream and the output of the feed-forward network. */
  readonly normedSum?: boolean;
}

/** Heads that `gain` does not name. */
export type FurtherHeads = 'crossHeads' | 'stateHeads';

/** How heads of a layer choose blocks (block-choice.ts): its graph is built for it. */
export interface BlockChoiceShape {
  /** w */
  readonly width: number;
  readonly by: 'summary' | 'mean' | 'max' | 'mass';
  /** K, where blocks are renumbered. */
  readonly reindexed?: number;
  readonly shared?: 'group' | 'heads';
}
