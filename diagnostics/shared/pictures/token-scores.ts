/**
 * Which patches of a picture the vision encoder attends to, and which of them are chosen (PAINT, arXiv:2501.12206;
 * github.com/hasanar1f/PAINT, clip_encoder.py). A map is [n, n] of one head, row-major: rows before the patches (the class row
 * first), then the patches.
 */
import { quantile } from '../statistics/quantile';

export interface EncoderMaps {
  /** By head, [n, n]. */
  readonly maps: readonly Float32Array[];
  readonly n: number;
  /** Rows before the patches; 0 of encoders without a class row (SigLIP). */
  readonly leading: number;
}

/** sum over heads of A[h, class row, patch], [patches]: attention of the class row. */
export function classScores({ maps, n, leading }: EncoderMaps): readonly number[] {
  return sumOver(n - leading, (patch) => maps.map((map) => map[leading + patch] ?? 0));
}

/**
 * sum over patch queries i of the mean over heads of A[h, i, patch], [patches]: attention that a patch receives. The release sums
 * rows instead of columns, and rows of a softmax sum to 1 for every patch (`rowSums`).
 */
export function receivedScores({ maps, n, leading }: EncoderMaps): readonly number[] {
  return sumOver(n - leading, (patch) =>
    maps.flatMap((map) =>
      Array.from({ length: n - leading }, (_, i) => (map[(leading + i) * n + leading + patch] ?? 0) / maps.length),
    ),
  );
}

/** sum over all keys of the mean over heads of A[h, row, key], [n]: what the release calls the score of spatial tokens. */
export const rowSums = ({ maps, n }: EncoderMaps): readonly number[] =>
  sumOver(n, (row) => maps.flatMap((map) => [...map.subarray(row * n, (row + 1) * n)].map((a) => a / maps.length)));

const sumOver = (count: number, parts: (at: number) => readonly number[]): readonly number[] =>
  Array.from({ length: count }, (_, at) => parts(at).reduce((sum, part) => sum + part, 0));

/**
 * Scores of cells, each the sum over shuffle x shuffle patches that are one token (Idefics3), from scores of patches [rows x
 * columns].
 */
export function cellScores(
  scores: readonly number[],
  columns: number,
  cells: { readonly rows: number; readonly columns: number },
): readonly number[] {
  const shuffle = columns / cells.columns;
  const sums = new Array<number>(cells.rows * cells.columns).fill(0);
  scores.forEach((score, patch) => {
    const [row, column] = [Math.floor(patch / columns), patch % columns];
    const cell = Math.floor(row / shuffle) * cells.columns + Math.floor(column / shuffle);
    sums[cell] = (sums[cell] ?? 0) + score;
  });
  return sums;
}

/** The `count` largest, rising; of equal ones the earlier. */
export function largest(scores: readonly number[], count: number): readonly number[] {
  return [...scores.keys()]
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
    .slice(0, Math.max(0, count))
    .sort((a, b) => a - b);
}

/** Those above Tukey's upper fence Q3 + 1.5 (Q3 - Q1), quartiles by linear interpolation; rising. */
export function outliers(scores: readonly number[]): readonly number[] {
  const fence = upperFence(scores);
  return [...scores.keys()].filter((at) => (scores[at] ?? 0) > fence);
}

function upperFence(scores: readonly number[]): number {
  const [low, high] = [quantile(scores, 0.25), quantile(scores, 0.75)];
  return high + 1.5 * (high - low);
}

export interface Scores {
  readonly local: readonly number[];
  readonly summary: readonly number[];
  readonly spatial: readonly number[];
}

export interface Ratios {
  /** How many of the tokens are local. */
  readonly local: number;
  /** Spatial; 0 in the release. */
  readonly spatial: number;
}

/** Sets of tokens, by number among the cells, rising. */
export interface ChosenTokens {
  /** floor(ratio P) with the largest scores. */
  readonly local: readonly number[];
  /** Above Tukey's fence. */
  readonly summary: readonly number[];
  readonly spatial: readonly number[];
  /** Local or spatial, and not summary: alpha. */
  readonly top: readonly number[];
  /** Summary: beta. */
  readonly bottom: readonly number[];
}

export function chosenTokens(scores: Scores, ratios: Ratios): ChosenTokens {
  const count = (ratio: number): number => Math.floor(ratio * scores.local.length);
  const local = largest(scores.local, count(ratios.local));
  const spatial = largest(scores.spatial, count(ratios.spatial));
  const summary = outliers(scores.summary);
  const raised = new Set([...local, ...spatial].filter((cell) => !summary.includes(cell)));
  return { local, summary, spatial, top: [...raised].sort((a, b) => a - b), bottom: summary };
}
