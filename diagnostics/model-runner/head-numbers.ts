/** The statistics of one layer's heads; definitions: docs/heads-json.md and compute-server/model/run/stream/head-statistics.ts. */
export interface HeadNumbers {
  readonly previousToken: number[];
  readonly firstToken: number[];
  readonly selfToken: number[];
  readonly entropy: number[];
  readonly meanDistance: number[];
  readonly localWindow: number[];
  readonly induction: number[];
  readonly duplicateToken: number[];
  /**
   * Upper bound of the variance that `previousToken`, `firstToken`, `selfToken` and `localWindow` would have, were the
   * probabilities of each row dealt to its readable keys in random order (a null model for scores of position).
   */
  readonly permutation: {
    readonly mean: PermutationMeans;
    readonly variance: Readonly<Record<PositionalName, number[]>>;
  };
  /** By group name. */
  readonly groups: Readonly<Record<string, number[]>>;
}

/**
 * The statistics of one layer's heads of cross-attention over n rows of a target and m of a source, p(i, j) the probability that row i
 * gives row j of the source. Each is [heads].
 */
export interface CrossNumbers {
  /** Mean over i of -sum_j p ln p, in nats; at most ln m. */
  readonly entropy: number[];
  /** Mean over i of the largest p(i, j). */
  readonly largest: number[];
  /** Mean over i of p(i, 0). */
  readonly firstToken: number[];
  /** Mean over i of p(i, m - 1): the end of a source, which many heads read where they have nothing to read. */
  readonly lastToken: number[];
  /** Mean over i of sum_j p(i, j) j, in rows of the source. */
  readonly meanPosition: number[];
  /** Mean over i of the mass on the rows of each group of the source, by its name. */
  readonly groups: Readonly<Record<string, number[]>>;
}

export const positionalNames = ['previousToken', 'firstToken', 'selfToken', 'localWindow'] as const;
export type PositionalName = (typeof positionalNames)[number];
type PermutationMeans = Readonly<Record<PositionalName, number>>;

/** What is measured of the effective attention of each head of a recurrence (compute-server/model/run/stream/effective-numbers.ts). */
export interface EffectiveNumbers {
  readonly sum: readonly number[];
  readonly size: readonly number[];
  readonly negative: readonly number[];
  readonly distance: readonly number[];
  /** [heads][thumbnailSize][thumbnailSize], of either sign; where pictures were asked for. */
  readonly thumbnail?: Float32Array;
}
