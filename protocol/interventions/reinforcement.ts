/** How the heads that read an image or another span are measured, and how they are reinforced (arXiv 2412.13949). */

/** How far the head's output with the image is from its output without: Euclidean, its square, over the norm without, 1 - cosine. */
export const vhdDistances = ['l2', 'squared', 'relative', 'cosine'] as const;
export type VhdDistance = (typeof vhdDistances)[number];

/** Paper eq. 6; the released code's variant of it; none. */
export const outlierRules = ['paper', 'release', 'off'] as const;
export type OutlierRule = (typeof outlierRules)[number];

/** After the rows are removed: positions run on without a gap (as released), or stay what they were. */
export const removedPositions = ['contiguous', 'original'] as const;
export type RemovedPositions = (typeof removedPositions)[number];

/** What the second pass lacks: the image, or the prompt tokens [start, end). */
export type Removed =
  { readonly kind: 'image' } | { readonly kind: 'span'; readonly start: number; readonly end: number };

/** `in-graph`: gains computed inside the layer graphs; `progressive`: a run per layer; `one-shot`: all layers at once, approximate. */
export const reinforcementExecutors = ['in-graph', 'progressive', 'one-shot'] as const;
export type ReinforcementExecutor = (typeof reinforcementExecutors)[number];

/**
 * `selected`: equation 7. Controls: `random`, as many heads of each layer, drawn by the seed; `all`, every head of the layer by
 * the one factor that gives the layer's attention output the norm that reinforcing the selected heads gives it.
 */
export const reinforcedHeads = ['selected', 'random', 'all'] as const;
type ReinforcedHeads = (typeof reinforcedHeads)[number];

/** Heads of each of `layers` scaled by `alpha` before the output projection, chosen at the first step and held. */
export interface Reinforcement {
  readonly alpha: number;
  /** Layers from 0, as resolved for the model. */
  readonly layers: readonly number[];
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  readonly heads: ReinforcedHeads;
  /**
   * The layer's attention output is scaled back, by one factor for all its heads, to the norm that it has without
   * reinforcement at the first step, so that its direction alone changes: a control.
   */
  readonly normMatched: boolean;
  readonly executor: ReinforcementExecutor;
  readonly seed: number;
}
