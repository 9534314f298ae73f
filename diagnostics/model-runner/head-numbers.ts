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

export const positionalNames = ['previousToken', 'firstToken', 'selfToken', 'localWindow'] as const;
export type PositionalName = (typeof positionalNames)[number];
type PermutationMeans = Readonly<Record<PositionalName, number>>;
