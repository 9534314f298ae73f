/**
 * The semantic separator of Task-KV (arXiv:2501.15113, sections III and IV): which key/value heads of a layer say something else than
 * the others on one prompt.
 *
 * N tokens, n key/value heads, head width d. The observation window is the last L queries. Of one key/value head:
 *
 * - C[j] = mean over the query heads of its group and over the queries i of the window of p(i, j), the softmax weight of key j; sum 1;
 * - v' = sum over the t largest C[j] of C[j] V[j], [d]; not divided by the sum of these C[j];
 * - delta = |v' - centre|, the centre being the mean of v' over the heads of the layer.
 *
 * Heads have coordinates of their own: a rotation of the values of one head that the output projection undoes changes v' and not the
 * model. In residual space v' is replaced by the sum over the query heads of the group of W_O v', [w], which no such rotation changes.
 *
 * Among f heads, f - 1 are the farthest from the centre and one is the nearest, so that the common meaning is kept too. A single head is
 * the farthest.
 */

/** C of each key/value head, [n][keys], of probabilities [query heads, rows, keys]. */
export function observedScores(
  probabilities: ArrayLike<number>,
  { heads, kvHeads, keys }: { readonly heads: number; readonly kvHeads: number; readonly keys: number },
): readonly Float64Array[] {
  const rows = probabilities.length / heads / keys;
  const group = heads / kvHeads;
  return Array.from({ length: kvHeads }, (_, kv) => {
    const scores = new Float64Array(keys);
    for (let row = kv * group * rows; row < (kv + 1) * group * rows; row++) {
      for (let key = 0; key < keys; key++) scores[key] = (scores[key] ?? 0) + (probabilities[row * keys + key] ?? 0);
    }
    return scores.map((sum) => sum / (group * rows));
  });
}

/** The `count` positions from `from` to `to` with the largest scores, rising; the earlier of equal ones first. */
export function largest(scores: ArrayLike<number>, count: number, from = 0, to = scores.length): readonly number[] {
  const order = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}

/** v' [d] of scores C [keys] and values [keys, d]. */
export function semanticVector(scores: ArrayLike<number>, values: ArrayLike<number>, top: number): Float64Array {
  const width = values.length / scores.length;
  const vector = new Float64Array(width);
  for (const key of largest(scores, top)) {
    const weight = scores[key] ?? 0;
    for (let at = 0; at < width; at++) vector[at] = (vector[at] ?? 0) + weight * (values[key * width + at] ?? 0);
  }
  return vector;
}

/** In residual space: W_O [w, query heads x d] of the layer, row by row. */
export function inResidualSpace(
  vectors: readonly Float64Array[],
  output: { readonly data: ArrayLike<number>; readonly rows: number; readonly columns: number },
): readonly Float64Array[] {
  return vectors.map((vector, kv) => {
    const group = output.columns / vector.length / vectors.length;
    const written = new Float64Array(output.rows);
    for (let row = 0; row < output.rows; row++) {
      let sum = 0;
      for (let head = kv * group; head < (kv + 1) * group; head++) {
        const start = row * output.columns + head * vector.length;
        for (let at = 0; at < vector.length; at++) sum += (output.data[start + at] ?? 0) * (vector[at] ?? 0);
      }
      written[row] = sum;
    }
    return written;
  });
}

const length = (vector: ArrayLike<number>): number => Math.hypot(...Array.from(vector));

/** delta of each head, and the length of its vector. */
export function distancesOf(vectors: readonly Float64Array[]): {
  readonly distance: readonly number[];
  readonly length: readonly number[];
} {
  const width = vectors[0]?.length ?? 0;
  const centre = new Float64Array(width);
  for (const vector of vectors)
    vector.forEach((value, at) => (centre[at] = (centre[at] ?? 0) + value / vectors.length));
  return {
    distance: vectors.map((vector) => length(vector.map((value, at) => value - (centre[at] ?? 0)))),
    length: vectors.map(length),
  };
}

/**
 * f of a layer: `share` n at the first of `layers`, `least` at the last, linear between; half is rounded up, and it is at least 1 where
 * `least` is, and at most n.
 */
export function heterogeneousCount(
  layer: number,
  layers: number,
  heads: number,
  { share, least }: { readonly share: number; readonly least: number },
): number {
  const first = heads * share;
  const wanted = layers === 1 ? first : first - ((first - least) * layer) / (layers - 1);
  // Products of decimals are a hair off: 0.15 x 10 is below 1.5 in some orders of rounding.
  const rounded = Math.floor(Number(wanted.toPrecision(12)) + 0.5);
  return Math.min(heads, Math.max(rounded, least >= 1 ? 1 : 0));
}

export interface Parted {
  /** Rising. */
  readonly far: readonly number[];
  /** The head nearest to the centre that is kept with them; absent where f is 1 or 0. */
  readonly nearest?: number;
}

/** Heads, farthest first. Two heads are always equally far from their centre: the one with the longer vector comes first. */
export function farthestFirst({ distance, length }: ReturnType<typeof distancesOf>): readonly number[] {
  const digits = (value: number | undefined): number => Number((value ?? 0).toPrecision(5));
  return [...distance.keys()].sort(
    (a, b) => digits(distance[b]) - digits(distance[a]) || digits(length[b]) - digits(length[a]) || a - b,
  );
}

const rising = (heads: readonly number[]): readonly number[] => [...heads].sort((a, b) => a - b);

/** `order`: farthest first. */
export function parted(order: readonly number[], count: number): Parted {
  const nearest = order.at(-1);
  if (count < 2 || nearest === undefined) return { far: rising(order.slice(0, count)) };
  return { far: rising(order.slice(0, count - 1)), nearest };
}

/** Heads that keep the whole prompt. */
export const heterogeneous = ({ far, nearest }: Parted): readonly number[] =>
  rising([...far, ...(nearest === undefined ? [] : [nearest])]);
