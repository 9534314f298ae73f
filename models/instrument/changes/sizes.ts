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
  readonly hiddenSize: number;
  /** Inputs of the down projection of the feed-forward network. */
  readonly units: number;
  /** Factor on query x key. */
  readonly scale: number;
  /** Positions that a query reads, its own included. */
  readonly window?: number | undefined;
  /** Present in a layer that rotates. */
  readonly rotated?: Rotated | undefined;
  /** Queries and keys are normed behind their rotation. */
  readonly lateNorms?: boolean;
  /** Why the language head cannot read the stream of a layer, where it cannot. */
  readonly noLens?: string | undefined;
  /** A norm acts on the sum of the stream and the output of the feed-forward network. */
  readonly normedSum?: boolean;
}

/** How heads of a layer choose blocks (block-choice.ts): its graph is built for it. */
export interface BlockChoiceShape {
  /** w */
  readonly width: number;
  readonly by: 'summary' | 'mean' | 'max' | 'mass';
  /** K, where blocks are renumbered. */
  readonly reindexed?: number;
  readonly shared?: 'group' | 'heads';
}
