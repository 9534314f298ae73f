/**
 * How much each attention weight matters, to first order (arXiv:2406.14909, section 4). With A the probabilities of a head and
 * g = dL/dA, L the mean loss of the next token over the supervised tokens: masking the weight of query i on key j takes A_ij away and
 * spreads it over the other keys of the row (dA_in = A_in A_ij / (1 - A_ij)), so that L changes by
 *
 *   E_ij = A_ij / (1 - A_ij) (sum over n of g_in A_in - g_ij), nats.
 *
 * A query that reads one key alone has nothing to spread to: there E = -g A, the change by the weight alone (as in the released code).
 * |E| is summed over blocks of c queries and c keys, and averaged over prompts: signs would cancel what two prompts need.
 */

/** Above this the difference of the two sums below would be rounding: at most one weight of a row. */
const nearlyOne = 0.99;

/** Influence E of one row, from the weights and gradients of the keys that the row may read. */
export function rowInfluence(weights: ArrayLike<number>, gradients: ArrayLike<number>): Float64Array {
  const keys = weights.length;
  let mean = 0;
  for (let key = 0; key < keys; key++) mean += (weights[key] ?? 0) * (gradients[key] ?? 0);
  return Float64Array.from({ length: keys }, (_, key) => {
    const [weight, gradient] = [weights[key] ?? 0, gradients[key] ?? 0];
    if (weight < nearlyOne) return (weight / (1 - weight)) * (mean - gradient);
    // The same with the others' sum in place of 1 - A, and their mean gradient less this one.
    let [rest, other] = [0, 0];
    for (let at = 0; at < keys; at++) {
      if (at === key) continue;
      rest += weights[at] ?? 0;
      other += (weights[at] ?? 0) * ((gradients[at] ?? 0) - gradient);
    }
    return rest === 0 ? -gradient * weight : (weight * other) / rest;
  });
}

export const blocksOf = (tokens: number, block: number): number => Math.ceil(tokens / block);

/**
 * |E| of a head summed over blocks, [blocks][blocks] row by row; `weights` and `gradients` [n, n], causal. `blocks` may be more than the
 * prompt has: what is behind it stays 0.
 */
export function blockInfluence(
  weights: Float32Array,
  gradients: Float32Array,
  n: number,
  { block, blocks }: { readonly block: number; readonly blocks: number },
): Float64Array {
  const sums = new Float64Array(blocks * blocks);
  for (let row = 0; row < n; row++) {
    const start = row * n;
    const influence = rowInfluence(
      weights.subarray(start, start + row + 1),
      gradients.subarray(start, start + row + 1),
    );
    const to = Math.floor(row / block) * blocks;
    influence.forEach((value, key) => {
      const at = to + Math.floor(key / block);
      sums[at] = (sums[at] ?? 0) + Math.abs(value);
    });
  }
  return sums;
}

/** The largest of several maps, block by block: of the query heads that share keys and values. */
export function largestOf(maps: readonly Float64Array[]): Float64Array {
  const [first = new Float64Array(0)] = maps;
  return first.map((_, at) => maps.reduce((most, map) => Math.max(most, map[at] ?? 0), 0));
}

/**
 * Influence by distance: at index d the sum of the blocks d below the diagonal, those of the first column left out, which every
 * rule keeps.
 */
export function byDistance(map: ArrayLike<number>, blocks: number): Float64Array {
  const sums = new Float64Array(blocks);
  for (let row = 0; row < blocks; row++) {
    for (let column = 1; column <= row; column++) {
      sums[row - column] = (sums[row - column] ?? 0) + (map[row * blocks + column] ?? 0);
    }
  }
  return sums;
}
