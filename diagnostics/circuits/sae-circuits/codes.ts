/**
 * Scores of heads by codes that only the prompts of a task have (O'Neill and Bui 2024, arXiv:2405.12522, and the authors' code). A
 * head has one code for each example: with P the codes of head h over the prompts and N those over the counterparts,
 *
 * - node score: number of P \ N, or with `share` over the number of P and N together;
 * - edge count U of two heads: different pairs (code of one, code of the other) that some prompt has and no counterpart;
 * - edge score: the ordered pairs of different heads, largest U first, name both of their heads in turn, and of this list the first
 *   k = floor(M^2 / 2) entries are looked at, M heads: how often the head is among them. The paper breaks ties by the order of its
 *   heads; here the pairs of one U that stand at the end of the list share what is left evenly.
 *
 * The paper puts both scores through a softmax over the heads, which no ranking sees: it is left out.
 */

/** Code of each example: first those of the prompts, then as many of the counterparts. */
export type HeadCodes = Int32Array;

export function nodeScore(codes: HeadCodes, share: boolean): number {
  const half = codes.length / 2;
  const [positive, negative] = [new Set(codes.subarray(0, half)), new Set(codes.subarray(half))];
  const own = [...positive].filter((code) => !negative.has(code)).length;
  return share ? own / new Set(codes).size : own;
}

/** U of heads a < b, at a M + b of [M, M]; the rest is 0. `features`: codes are below it. */
export function pairCounts(heads: readonly HeadCodes[], features: number): Uint16Array {
  const size = heads.length;
  const counts = new Uint16Array(size * size);
  // The number of the pair of heads by which a pair of codes was last seen: nothing is to be emptied between two pairs of heads.
  const seen = new Int32Array(features * features);
  const half = (heads[0]?.length ?? 0) / 2;
  for (let a = 0, pair = 0; a < size; a++) {
    const first = heads[a]!;
    for (let b = a + 1; b < size; b++) {
      const second = heads[b]!;
      pair += 1;
      let count = 0;
      for (let i = half; i < 2 * half; i++) seen[first[i]! * features + second[i]!] = pair;
      for (let i = 0; i < half; i++) {
        const at = first[i]! * features + second[i]!;
        if (seen[at] === pair) continue;
        seen[at] = pair;
        count += 1;
      }
      counts[a * size + b] = count;
    }
  }
  return counts;
}

/** From `pairCounts` of M heads. */
export function edgeScores(counts: Uint16Array, size: number): readonly number[] {
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  const pairs = new Float64Array(most + 1);
  eachPair(size, (a, b) => {
    const count = counts[a * size + b]!;
    pairs[count] = pairs[count]! + 1;
  });
  // Both orders of a pair name both heads: four entries.
  let left = Math.floor(size ** 2 / 2);
  const taken = new Float64Array(most + 1);
  for (let count = most; count >= 0; count--) {
    const entries = 4 * pairs[count]!;
    if (entries === 0) continue;
    taken[count] = Math.min(1, left / entries);
    left -= taken[count]! * entries;
  }
  const scores = new Array<number>(size).fill(0);
  eachPair(size, (a, b) => {
    const named = 2 * taken[counts[a * size + b]!]!;
    scores[a]! += named;
    scores[b]! += named;
  });
  return scores;
}

function eachPair(size: number, act: (a: number, b: number) => void): void {
  for (let a = 0; a < size; a++) for (let b = a + 1; b < size; b++) act(a, b);
}
