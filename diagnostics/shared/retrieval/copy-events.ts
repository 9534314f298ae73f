import type { HeadPlace } from '../../../protocol/schema/written-form';
/**
 * Copy events, and the scores of heads made of them (Wu et al. 2024, "Retrieval Head Mechanistically Explains Long-Context
 * Factuality", arXiv:2404.15574, section 2.1).
 *
 * A head copies a token w when the key that it reads most, in the row that PRODUCED w, holds w and belongs to the needle. That
 * row is the one before w: the last row of the prompt for the first generated token. Keys are counted from 0 over prompt and
 * generated tokens; between equal weights the earlier key is the one read most. Heads are query heads.
 */

/** [layers][heads] */
export type HeadTable = readonly (readonly number[])[];

/** A token that was generated, or given where the model is made to say the answer (teacher forcing). */
export interface ProducedToken {
  readonly id: number;
  /** [layers][heads]: the key read most in the row that produced it; -1 where none is known. */
  readonly mostRead: readonly ArrayLike<number>[];
}

export interface Needle {
  /** Ids of the rows that can be read, as far as copying is looked for: the prompt, or all. */
  readonly ids: readonly number[];
  /** Rows of the tokens that are to be found. */
  readonly positions: readonly number[];
  /**
   * A token of the needle counts wherever it is read: the key has to hold it, but need not be a row of the needle
   * (arXiv:2505.07293, section 3.1, leaves the place open).
   */
  readonly anywhere?: boolean;
  /** Tokens of the needle where it is said several times; absent: as many as positions. */
  readonly tokens?: number;
}

/**
 * `set`: distinct tokens copied / distinct tokens of the needle, from 0 to 1 (the paper). `count`: copy events / tokens of the
 * needle (the authors' code): a token that is copied twice counts twice, so that it may exceed 1.
 */
export const countings = ['set', 'count'] as const;
export type Counting = (typeof countings)[number];

/** [layers][heads][events]: the ids that each head copied, in the order in which they were produced. */
export function copiedTokens(needle: Needle, produced: readonly ProducedToken[]): readonly (readonly number[])[][] {
  const rows = new Set(needle.positions);
  const wanted = tokensOf(needle);
  const copies = ({ id }: ProducedToken, key: number): boolean =>
    needle.ids[key] === id && (needle.anywhere ? wanted.has(id) : rows.has(key));
  const [first] = produced;
  return (first?.mostRead ?? []).map((heads, layer) =>
    Array.from({ length: heads.length }, (_, head) =>
      produced.filter((token) => copies(token, token.mostRead[layer]?.[head] ?? -1)).map(({ id }) => id),
    ),
  );
}

/** The score of each head on one test: 0 where it copies nothing. */
export function copyScores(needle: Needle, produced: readonly ProducedToken[], counting: Counting = 'set'): HeadTable {
  const all = counting === 'set' ? tokensOf(needle).size : (needle.tokens ?? needle.positions.length);
  return copiedTokens(needle, produced).map((heads) =>
    heads.map((copied) => (counting === 'set' ? new Set(copied).size : copied.length) / all),
  );
}

const tokensOf = ({ ids, positions }: Needle): ReadonlySet<number> => new Set(positions.map((row) => ids[row] ?? -1));

export interface RetrievalScores {
  /** Mean over the tests. */
  readonly scores: HeadTable;
  /** Share of the tests in which the head has a copy event. */
  readonly activationFrequency: HeadTable;
}

/** Over the tests that count (those whose answer passed), each [layers][heads]; undefined where there is none. */
export function overTests(tests: readonly HeadTable[]): RetrievalScores | undefined {
  const [first] = tests;
  if (!first) return undefined;
  const mean = (of: (score: number) => number): HeadTable =>
    first.map((heads, layer) =>
      heads.map((_, head) => tests.reduce((sum, test) => sum + of(test[layer]?.[head] ?? 0), 0) / tests.length),
    );
  return { scores: mean((score) => score), activationFrequency: mean((score) => (score > 0 ? 1 : 0)) };
}

export interface ScoredHead extends HeadPlace {
  readonly score: number;
}

/** Largest first; equal scores by layer, then head. Heads without a score (NaN) are left out. */
export function rankedHeads(scores: HeadTable): readonly ScoredHead[] {
  return scores
    .flatMap((heads, layer) => heads.map((score, head) => ({ layer, head, score })))
    .filter(({ score }) => !Number.isNaN(score))
    .sort((a, b) => b.score - a.score || a.layer - b.layer || a.head - b.head);
}

/** Scores above these make a retrieval head, and a strong one (arXiv:2404.15574, section 2.2 and figure 3). */
export const retrievalThreshold = 0.1;
export const strongThreshold = 0.5;

export interface ScoreBin {
  /** Above `from` (the first bin: 0 itself) and at most `to`; the last has no end, for scores by `count` may exceed 1. */
  readonly from: number;
  readonly to: number;
  readonly heads: number;
  /** Share of all heads that have a score. */
  readonly share: number;
}

/** The bins of the paper: exactly 0, to 0.1, to 0.5, above. */
export function scoreBins(scores: HeadTable): readonly ScoreBin[] {
  const all = scores.flat().filter((score) => !Number.isNaN(score));
  const edges = [0, retrievalThreshold, strongThreshold, Number.POSITIVE_INFINITY];
  const within = (from: number, to: number): number =>
    all.filter((score) => (to === 0 ? score === 0 : score > from && score <= to)).length;
  return edges.map((to, at) => {
    const from = edges[at - 1] ?? 0;
    const heads = within(from, to);
    return { from, to, heads, share: all.length === 0 ? Number.NaN : heads / all.length };
  });
}

/** What a run with `topKeys` gives of a layer: [rows][heads][k], largest weight first. */
export interface MostReadKeys {
  readonly keys: Int32Array;
  readonly heads: number;
  readonly k: number;
}

/** By head: the key read most in row `row` of those that were ranked. */
export const mostReadIn = ({ keys, heads, k }: MostReadKeys, row = 0): Int32Array =>
  Int32Array.from({ length: heads }, (_, head) => keys[(row * heads + head) * k] ?? -1);
