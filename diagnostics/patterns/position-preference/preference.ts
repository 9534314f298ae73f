import { mean } from '../../../kernels/tensors/vectors';
/**
 * How a head's attention falls with distance between keys of the same content. A group is one query and its keys of one content
 * (the same token; the patches of a picture): what the keys hold is the same, so that within a group attention differs by where
 * they stand.
 *
 * - slope: least squares of ln A_ij on the distance |i - j|, with a constant for each group; its negative is the preference in nats
 *   per position. Scores s_ij - |i - j| / tau give 1 / tau exactly. Above 0 the head prefers what is near.
 * - share: of the variance of ln A_ij within groups, what the line explains.
 * - curve: by bins of distance, the mean of A_ij over the mean of its group. Even attention gives 1 everywhere.
 *
 * Every weight above 0 counts, however small: scores that differ by 100 nats are what a head that looks near is made of, and float32
 * has their weights (down to 1.4e-45). A weight of 0 has no logarithm: slope and share leave that pair out.
 */

/** One query and the keys of one content. */
export interface Group {
  readonly query: number;
  /** Two or more. */
  readonly keys: readonly number[];
  /** By key, in positions or patches. */
  readonly distances: readonly number[];
}

export interface Preference {
  /** NaN without two distances in any group. */
  readonly slope: number;
  readonly share: number;
  /** By bin of `binOf`; NaN where no pair falls into it. */
  readonly curve: readonly number[];
  /** Pairs of a query and a key that slope and share leave out, because the weight is 0. */
  readonly zeros: number;
}

/** 0: distance below 1; bin b: distances [2^(b-1), 2^b). */
export const binOf = (distance: number): number => (distance < 1 ? 0 : 1 + Math.floor(Math.log2(distance)));

/** `map` [n, n]. */
export function preferenceOf(map: ArrayLike<number>, n: number, groups: readonly Group[], bins: number): Preference {
  let [xx, xy, yy, zeros] = [0, 0, 0, 0];
  const [sums, counts] = [new Array<number>(bins).fill(0), new Array<number>(bins).fill(0)];
  for (const { query, keys, distances } of groups) {
    const weights = keys.map((key) => map[query * n + key] ?? 0);
    const average = mean(weights);
    const read = [...weights.keys()].filter((at) => (weights[at] ?? 0) > 0);
    zeros += weights.length - read.length;
    if (average === 0) continue;
    weights.forEach((weight, at) => {
      const bin = binOf(distances[at] ?? 0);
      sums[bin] = (sums[bin] ?? 0) + weight / average;
      counts[bin] = (counts[bin] ?? 0) + 1;
    });
    if (read.length < 2) continue;
    const xs = read.map((at) => distances[at] ?? 0);
    const ys = read.map((at) => Math.log(weights[at] ?? 0));
    const [mx, my] = [mean(xs), mean(ys)];
    xs.forEach((x, at) => {
      const [dx, dy] = [x - mx, (ys[at] ?? 0) - my];
      xx += dx * dx;
      xy += dx * dy;
      yy += dy * dy;
    });
  }
  return {
    slope: xx === 0 ? Number.NaN : 0 - xy / xx,
    share: xx === 0 || yy === 0 ? Number.NaN : (xy * xy) / (xx * yy),
    curve: sums.map((sum, bin) => sum / (counts[bin] ?? 0)),
    zeros,
  };
}

/** Queries of a text from `first` on, and their keys by token where one stands twice or more. */
export function groupsOfText(
  ids: readonly number[],
  first: number,
  reads: (row: number) => readonly [from: number, to: number],
): readonly Group[] {
  const groups: Group[] = [];
  for (let query = first; query < ids.length; query++) {
    const [from, to] = reads(query);
    const byId = new Map<number, number[]>();
    for (let key = from; key < to; key++) {
      const id = ids[key] ?? 0;
      const known = byId.get(id);
      if (known) known.push(key);
      else byId.set(id, [key]);
    }
    for (const keys of byId.values()) {
      if (keys.length > 1) groups.push({ query, keys, distances: keys.map((key) => Math.abs(query - key)) });
    }
  }
  return groups;
}

/** Each patch as a query of all patches, `at` their rows; distances in patches, as the crow flies. */
export function groupsOfPatches(at: readonly number[], columns: number): readonly Group[] {
  const place = (patch: number): readonly [number, number] => [Math.floor(patch / columns), patch % columns];
  return at.map((query, patch) => ({
    query,
    keys: at,
    distances: at.map((_, other) => {
      const [[r, c], [s, d]] = [place(patch), place(other)];
      return Math.hypot(r - s, c - d);
    }),
  }));
}
