/** What surrounds a memory read: measures of retrieval, the loss that trains a joint space, units of several modalities, sessions. */

/** Rank of the right unit, from 1: units with a higher score, and half of those that tie. */
export function rankOf(scores: ArrayLike<number>, right: number): number {
  let rank = 1;
  for (let j = 0; j < scores.length; j++) {
    if (j === right) continue;
    if (scores[j]! > scores[right]!) rank += 1;
    else if (scores[j] === scores[right]) rank += 0.5;
  }
  return rank;
}

/** Share of ranks that are k or better. */
export const recallAt = (k: number, ranks: readonly number[]): number =>
  ranks.filter((rank) => rank <= k).length / ranks.length;

/** Mean of 1 / rank. Report it with the size of the bank: at chance R@1 is 1 / M. */
export const meanReciprocalRank = (ranks: readonly number[]): number =>
  ranks.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length;

/** A matrix of rows. */
type Rows = readonly (readonly number[])[];

/**
 * InfoNCE both ways over B pairs, with scores z_ij / T of row i of one side and row j of the other: the mean of the cross entropies
 * of row i and of column i with the right pair (i, i). In nats. `slope` is that of z.
 */
export function infoNce(scores: Rows, temperature: number): { readonly loss: number; readonly slope: Rows } {
  const size = scores.length;
  const slope = scores.map((row) => row.map(() => 0));
  let loss = 0;
  const along = (score: (j: number) => number, right: number, to: (j: number, by: number) => void): void => {
    const z = Array.from({ length: size }, (_, j) => score(j) / temperature);
    const most = Math.max(...z);
    const total = z.reduce((sum, each) => sum + Math.exp(each - most), 0);
    loss += (most + Math.log(total) - z[right]!) / (2 * size);
    z.forEach((each, j) => to(j, (Math.exp(each - most) / total - (j === right ? 1 : 0)) / (2 * size * temperature)));
  };
  for (let i = 0; i < size; i++) {
    along(
      (j) => scores[i]![j]!,
      i,
      (j, by) => (slope[i]![j]! += by),
    );
    along(
      (j) => scores[j]![i]!,
      i,
      (j, by) => (slope[j]![i]! += by),
    );
  }
  return { loss, slope };
}

const unit = (x: readonly number[]): readonly number[] => {
  const length = Math.hypot(...x);
  return length === 0 ? x : x.map((value) => value / length);
};

/**
 * The key of a unit with a text, an image and a sound, or some of them: each part that is there is brought to length 1, so that none
 * outweighs the others by its length, then their mean is. A unit without parts has zeros.
 */
export function unitEmbedding(parts: readonly (readonly number[] | undefined)[], width: number): readonly number[] {
  const present = parts.filter((part) => part !== undefined).map(unit);
  if (present.length === 0) return Array.from({ length: width }, () => 0);
  return unit(
    Array.from({ length: width }, (_, c) => present.reduce((sum, part) => sum + part[c]!, 0) / present.length),
  );
}

/** 1 for units of sessions before the running one: nothing is read from the session that asks, or from later ones. */
export const earlier = (sessions: readonly number[], running: number): readonly number[] =>
  sessions.map((session) => (session < running ? 1 : 0));
