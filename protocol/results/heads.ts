/** What is measured of each head and how it is called, for those who compute it and those who draw it. */
import type { Intervention } from '../interventions/interventions';

/** One number per layer and head; NaN where the prompt has no query that counts. */
export type PerHead = readonly (readonly number[])[];

export const headStatisticNames = [
  'previousToken',
  'firstToken',
  'selfToken',
  'entropy',
  'meanDistance',
  'localWindow',
  'induction',
  'duplicateToken',
] as const;

export const headLabels = [
  'previous-token',
  'self',
  'first-token-sink',
  'local',
  'induction',
  'duplicate-token',
  'uniform',
  'retrieval',
] as const;
export type HeadLabel = (typeof headLabels)[number];

/** Family of networks that an experiment trained and that are models of no known family: no panel opens them. */
export const networksFamily = 'networks';

/** One truth value for each layer and head. */
export type FlagPerHead = readonly (readonly boolean[])[];

/** Pictures of all heads: [layers][heads][size][size], mean over a block of queries of the mass on a block of keys. */
export interface HeadThumbnails {
  readonly size: number;
  readonly layers: number;
  readonly heads: number;
  /** Row-major; row = query block, column = key block. */
  readonly data: Float32Array;
}

/** A rectangle of one head's probabilities, pooled to at most outRows x outColumns. */
export interface HeadTile {
  readonly layer: number;
  readonly head: number;
  readonly rowStart: number;
  readonly rowCount: number;
  readonly columnStart: number;
  readonly columnCount: number;
  readonly outRows: number;
  readonly outColumns: number;
  /** Largest probability of each block of the rectangle, [outRows, outColumns]; of effective attention the number of largest size. */
  readonly data: Float32Array;
  /** The layer has no attention: numbers are the effective attention of its recurrence, of either sign. */
  readonly effective?: true;
}

export interface NextToken {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
}

/** The next-token distribution of one variant, and how far it is from the plain model's. */
export interface NextTokens {
  readonly interventions: readonly Intervention[];
  readonly top: readonly NextToken[];
  /** KL(plain || variant) in nats. */
  readonly divergence: number;
  /** Entropy of the distribution in nats. */
  readonly entropy: number;
}
