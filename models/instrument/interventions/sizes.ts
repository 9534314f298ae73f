/** Sizes of a layer that the shapes of its interventions need. */
export interface LayerSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
  /** Inputs of the down projection of the feed-forward network. */
  readonly units: number;
}
