/** What one variant of a run changes, as the runner feeds it to its graphs (docs/model-taps.md). Heads are query heads. */
import type { Replaceable } from '../../models/instrument/interventions/replacement';
import type { Held } from '../../protocol/plans/held';
import type { reinforcementDistances, reinforcementRules } from '../../models/instrument/interventions/reinforcement';

export interface HeadGain {
  readonly layer: number;
  readonly head: number;
  /** Factor on the head's output before the output projection; 0 removes the head. */
  readonly gain: number;
}

/** On the keys of a named group (`RunRequest.groups`). */
export interface GroupChange {
  readonly layer: number;
  readonly head: number;
  readonly group: string;
  readonly value: number;
}

export interface Replacement {
  readonly layer: number;
  readonly target: Replaceable;
  /** Of `head` and `query` the query head, of `key` and `value` the key/value head. */
  readonly head?: number;
  /** Token positions; absent: all of the prompt. */
  readonly positions?: readonly number[];
  /** [prompt positions, headDim or hiddenSize], row i for position i. */
  readonly data: Float32Array;
  /** `data` is one row instead, for every position, those behind the prompt included. */
  readonly everywhere?: boolean;
}

export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}

/** On the angles of a head of a rotary model (models/instrument/interventions/phase.ts). */
export interface PhaseChange {
  readonly layer: number;
  readonly head: number;
  /** Rotated planes, half-open; absent: all. */
  readonly planes?: { readonly start: number; readonly end: number };
  readonly delta: number;
  /** Radians. */
  readonly shift: number;
}

/** On the scores of a head between regions: positions of no region are left as they are. */
export interface IsolationChange {
  readonly layer: number;
  readonly head: number;
  /** Rows of each region; no row is in two. */
  readonly regions: readonly (readonly number[])[];
  /** Of queries of the first region alone. */
  readonly oneWay?: boolean;
  /** Taken from the score of a query of one region and a key of another. */
  readonly beta: number;
}

/** Head outputs of another run, mixed with those of this one: share · given + (1 - share) · own, after gain and replacement. */
export interface HeadMixture {
  readonly layer: number;
  /** By query head, 0 to 1. */
  readonly shares: readonly number[];
  /** Of the other run, for each row of the prompt: [h, rows, d]. */
  readonly outputs: Float32Array;
}

/** Keys and values of a layer are projected from V V^T x instead of x (protocol/interventions/low-rank.ts). */
export interface LowRankChange {
  readonly layer: number;
  readonly rank: number;
  /** V [hidden size, rank], columns of length 1 at right angles. */
  readonly basis: Float32Array;
}

/** Query heads of a layer that choose the blocks of the past which they read (models/instrument/interventions/block-choice.ts). */
export interface BlockChange {
  readonly layer: number;
  /** By query head. */
  readonly heads: readonly boolean[];
  /** Rows of a block. */
  readonly width: number;
  /** Blocks that are opened besides the first, the own and the one before it. */
  readonly open: number;
  /** The first row that chooses. */
  readonly from: number;
  readonly by: 'summary' | 'mean' | 'max' | 'mass';
  /** Blocks that are read, where they are renumbered one behind the other. */
  readonly reindexed?: number;
  /** Who opens the same blocks; absent: each head alone. */
  readonly shared?: 'group' | 'heads';
}

/** What each key/value head keeps of the past (protocol/plans/held.ts). */
export interface VariantPlan {
  /** Rows of the prompt: the n of elastic rules. */
  readonly prompt: number;
  /** The first row that reads under the plan. */
  readonly from: number;
  /** [layers][key/value heads] */
  readonly heads: readonly (readonly Held[])[];
}

/** On the input of the down projection of a layer's feed-forward network; of several of one unit gains multiply. */
export interface UnitGain {
  readonly layer: number;
  /** Half-open. */
  readonly units: readonly { readonly start: number; readonly end: number }[];
  /** 0 removes the units. */
  readonly gain: number;
}

/** Heads of a layer chosen token by token; of several of one layer the last counts. */
export interface HeadRouting {
  readonly layer: number;
  /** Query heads that every token has. */
  readonly shared: readonly number[];
  /** Of the others, how many each token has: those whose query is longest. */
  readonly active: number;
}

/** On the attention of a head, after softmax (protocol/interventions/redistribute.ts). Rows are those of the sequence. */
export interface Redistribution {
  readonly layer: number;
  readonly head: number;
  /** What attention is taken from. */
  readonly from:
    | { readonly kind: 'rows'; readonly rows: readonly number[] }
    /** Keys whose column strength is above alpha / prompt, or above `strength`. */
    | { readonly kind: 'columns'; readonly alpha?: number; readonly strength?: number }
    /** Keys whose hidden state is massive in one of the dimensions. */
    | { readonly kind: 'states'; readonly tau: number; readonly dimensions: readonly number[] };
  /** Who gets it: these rows, and all from `behind` on. Sources are never among them. */
  readonly to: { readonly rows: readonly number[]; readonly behind?: number };
  readonly share: number;
  /** The first query that moves anything. */
  readonly first: number;
  /** Of what `least` and `ratio` speak. */
  readonly region: readonly number[];
  readonly least?: number;
  readonly ratio?: number;
}

/** Scores z of a head on some keys become z + factor |z| before softmax. */
export interface KeyEmphasis {
  readonly layer: number;
  readonly head: number;
  readonly keys: readonly number[];
  readonly factor: number;
  /** The first query. */
  readonly first: number;
}

/** Added to the residual stream that leaves a layer (protocol/interventions/add.ts); several of one layer add up. */
export interface Addition {
  readonly layer: number;
  /** [hidden size], times its strength. */
  readonly vector: Float32Array;
  /** Token positions; absent: all, those behind the prompt included. */
  readonly positions?: readonly number[];
}

/** An empty object is the plain model. */
export interface Variant {
  readonly gains?: readonly HeadGain[];
  /** Added to the scores before softmax. */
  readonly scoreBiases?: readonly GroupChange[];
  /** Factor on probabilities after softmax, renormalised. */
  readonly groupWeights?: readonly GroupChange[];
  /** Query heads that read all their keys alike. */
  readonly uniform?: readonly HeadPlace[];
  /** Angles between queries and keys; of several of one head the last counts. */
  readonly phases?: readonly PhaseChange[];
  /** Of several of one head betas add up. */
  readonly isolations?: readonly IsolationChange[];
  /** Of several of one head the last counts. */
  readonly redistributions?: readonly Redistribution[];
  /** Factors of one key add up. */
  readonly emphases?: readonly KeyEmphasis[];
  readonly routings?: readonly HeadRouting[];
  readonly unitGains?: readonly UnitGain[];
  /** Of several of one layer the last counts. */
  readonly blocks?: readonly BlockChange[];
  readonly replacements?: readonly Replacement[];
  readonly additions?: readonly Addition[];
  /** Of several of one layer the last counts. */
  readonly mixtures?: readonly HeadMixture[];
  readonly plan?: VariantPlan;
  /** Layers whose keys and values are of low rank, each once. */
  readonly lowRanks?: readonly LowRankChange[];
  /** Of the output of the MLP, the share that is removed of what lowers the token that leads before the layer. */
  readonly unsuppressed?: readonly { readonly layer: number; readonly share: number }[];
}

/** Gains that the layer graphs choose themselves, for every variant of the run. */
export interface GraphReinforcement {
  readonly alpha: number;
  readonly distance: (typeof reinforcementDistances)[number];
  readonly rule: (typeof reinforcementRules)[number];
  /** By layer that is reinforced: head outputs without the span at the last row, [h, d]. */
  readonly text: ReadonlyMap<number, Float32Array>;
}
