/**
 * Smallest and largest value that each figure of a benchmark takes, ends included: the form, the command line, the settings
 * and the compute server all ask here, so that what one accepts another does not refuse.
 */
export const limits = {
  batch: [1, 65_536],
  /** Query heads; key/value heads divide them. */
  heads: [1, 4096],
  /** Width of a query, key or value head. */
  width: [1, 65_536],
  /** Queries, keys and positions of a cache. */
  length: [1, 2 ** 24],
  seed: [0, 2 ** 32 - 1],
  /** Seconds of timing; the smallest is not taken itself. */
  seconds: [0, 3600],
} as const satisfies Readonly<Record<string, readonly [min: number, max: number]>>;
