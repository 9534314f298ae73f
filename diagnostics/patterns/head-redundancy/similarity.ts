/** How alike the attention maps of the heads of a layer are. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { dot } from '../../../kernels/tensors/vectors';

/**
 * Cosine of every map of one list with every map of the other, flattened over queries and keys, and the mean of that and of the
 * pair turned round, [heads][heads]: of a list with itself the cosine of every two heads (arXiv:2401.16456, section 2.2).
 */
export function cosines(
  maps: readonly ArrayLike<number>[],
  others: readonly ArrayLike<number>[] = maps,
): readonly (readonly number[])[] {
  const lengths = (list: readonly ArrayLike<number>[]): number[] => list.map((map) => Math.sqrt(dot(map, map)));
  const [own, other] = [lengths(maps), lengths(others)];
  const table = maps.map((map, a) => others.map((one, b) => dot(map, one) / ((own[a] ?? 0) * (other[b] ?? 0))));
  return table.map((row, a) => row.map((value, b) => Math.min(1, (value + (table[b]?.[a] ?? 0)) / 2)));
}

/**
 * Maps whose rows are dealt to the keys that they read in another order, one order of each row for all heads: what is left of the
 * cosine when heads read other keys with the same weights. Rows of positive numbers are alike by nature.
 */
export function dealt(
  maps: readonly Float32Array[],
  n: number,
  reads: (row: number) => readonly [from: number, to: number],
  seed: number,
): readonly Float32Array[] {
  const source = random(seedFor(seed, 'other keys'));
  const out = maps.map((map) => map.slice());
  for (let row = 0; row < n; row++) {
    const [from, to] = reads(row);
    const order = Array.from({ length: to - from }, (_, at) => from + at);
    for (let at = order.length - 1; at > 0; at--) {
      const other = Math.floor(source.uniform() * (at + 1));
      [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
    }
    maps.forEach((map, head) => {
      order.forEach((key, at) => {
        const into = out[head];
        if (into) into[row * n + from + at] = map[row * n + key] ?? 0;
      });
    });
  }
  return out;
}

/** Mean over the pairs of two different heads; NaN of one head. */
export function meanPair(table: readonly (readonly number[])[]): number {
  const pairs = table.flatMap((row, a) => row.filter((_, b) => b !== a));
  return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
}
