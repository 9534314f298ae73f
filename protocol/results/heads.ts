/**
 * What the heads of a model do on a prompt: as computed, saved (`*.headscope-heads.json`), and printed (`headscope heads`).
 * T tokens, positions from 0, p(i, j) the probability that query i gives key j, natural logarithm. Heads are query heads.
 */
import type { ModelSummary, Parity, ChatPrompt, ImageSpan, Provenance, HeadGain } from '../schema/parts';
import type { Intervention } from '../interventions/interventions';

/** One number per layer and head; NaN where the prompt has no query that counts. */
export type PerHead = readonly (readonly number[])[];

export interface HeadStatistics {
  /** Mean over i = 1..T-1 of p(i, i-1). */
  readonly previousToken: PerHead;
  /** Mean over i = 1..T-1 of p(i, 0). */
  readonly firstToken: PerHead;
  /** Mean over all i of p(i, i). */
  readonly selfToken: PerHead;
  /** Mean over all i of -sum_j p ln p, in nats. */
  readonly entropy: PerHead;
  /** Mean over all i of sum_j p(i, j) (i - j), in tokens. */
  readonly meanDistance: PerHead;
  /** Mean over all i of the mass on keys i-15..i. */
  readonly localWindow: PerHead;
  /** Mean, over queries whose token occurred before, of the mass on the tokens after its (4 latest) earlier occurrences. */
  readonly induction: PerHead;
  /** The same queries, mass on the earlier occurrences. */
  readonly duplicateToken: PerHead;
}

export const headStatisticNames = [
  'previousToken',
  'firstToken',
  'selfToken',
  'entropy',
  'meanDistance',
  'localWindow',
  'induction',
  'duplicateToken',
] as const satisfies readonly (keyof HeadStatistics)[];

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

export interface HeadClass {
  readonly layer: number;
  readonly head: number;
  readonly label: HeadLabel;
  readonly score: number;
  /** The same score where the structure that the label needs is absent (shuffled or random tokens). */
  readonly null: {
    readonly mean: number;
    readonly sd: number;
    /** Random sequences that mean and sd were measured on; absent: both follow from a formula. */
    readonly seeds?: number;
    /** Stood in the place of a smaller sd for the confidence; absent: the sd itself was used. */
    readonly floor?: number;
  };
  /**
   * 0..1: the distribution function of (score - null mean) / null sd, normal where the null model is a formula; where it was
   * measured, Student's with seeds - 1 degrees of freedom, the sd widened by sqrt(1 + 1/seeds).
   */
  readonly confidence: number;
  /** What removing the head (gain 0) does; absent when it was not asked for. */
  readonly causal?: CausalChange;
}

/** Change of the mean loss of the next token, in nats per token, on top of the gains of the run: without the heads less with them. */
export interface CausalChange {
  /** On the random sequence named by `on`; NaN where vocabulary or context are too small for one, or all heads are off already. */
  readonly lossChange: number;
  readonly on: string;
  /** On the prompt itself; absent where it has no token to predict. */
  readonly promptLossChange?: number;
  /** How many of the heads the gains of the run have at 0: their removal is in neither loss. Absent: none. */
  readonly alreadyOff?: number;
}

/** All heads of a label removed at once. */
export interface ClassAblation extends CausalChange {
  readonly label: HeadLabel;
  /** How many heads have it. */
  readonly heads: number;
}

/** A label's score of every head with its null model, whether it makes a label or not. */
export interface LabelScores {
  readonly score: PerHead;
  readonly nullMean: PerHead;
  readonly nullSd: PerHead;
  /** As `null.seeds` of a label. */
  readonly nullSeeds?: number;
  /** Stood in the place of each sd that is smaller; absent: all were used. */
  readonly nullFloor?: number;
  readonly confidence: PerHead;
  /**
   * From which score on the head would have the label, were the score also sure enough: `diagnostics/shared/labels/labels.ts`. NaN
   * where no score would do; absent in older results.
   */
  readonly needed?: PerHead;
}

/** Family of networks that an experiment trained and that are models of no known family: no panel opens them. */
export const networksFamily = 'networks';

export interface HeadsResult extends Provenance {
  readonly kind: 'headscope-heads';
  readonly version: 1;
  readonly model: ModelSummary;
  readonly prompt: string | null;
  readonly ids: readonly number[];
  /** Text of each token, special tokens as they are written. */
  readonly tokens: readonly string[];
  /** Where the picture stands among the tokens; the group `image` is its tokens. */
  readonly image?: ImageSpan;
  /** Where the text went through the chat template; absent in older results. */
  readonly chatPrompt?: ChatPrompt;
  /** What was changed in the run. */
  readonly interventions: readonly Intervention[];
  /** Those of them that are gains. */
  readonly gains: readonly HeadGain[];
  readonly layers: number;
  readonly heads: number;
  readonly statistics: HeadStatistics;
  /** By group name: mean mass on its keys. */
  readonly groups: Readonly<Record<string, PerHead>>;
  /** [layers][heads]: what the last query reads most, largest weight first, at most 4 keys; absent in older results. */
  readonly topKeys?: readonly (readonly (readonly TopKey[])[])[];
  readonly classes: readonly HeadClass[];
  /** By label; a label that needs a random sequence is absent where none could be made. Absent in results without labels. */
  readonly labelScores?: Readonly<Partial<Record<HeadLabel, LabelScores>>>;
  /** With the causal check only. */
  readonly classAblations?: readonly ClassAblation[];
  readonly parity: Parity;
  readonly seconds: number;
}

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
  /** Largest probability of each block of the rectangle, [outRows, outColumns]. */
  readonly data: Float32Array;
}

/** One of the keys that a query of a head reads most. */
export interface TopKey {
  /** Position of its token. */
  readonly key: number;
  /** p(query, key). */
  readonly weight: number;
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
