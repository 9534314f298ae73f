/**
 * What a head of cross-attention does on a source and a target, out of its map p(i, j): the probability that row i of n of the target
 * gives row j of m of the source. What the run itself measures stands in diagnostics/model-runner/head-numbers.ts (`CrossNumbers`).
 *
 * - `diagonal`: mean over i of the mass on the three rows of the source nearest to i (m - 1) / (n - 1), the place as far through the
 *   source as i is through the target. Trained heads of translation have it first (Raganato and Tiedemann 2018, section 4).
 * - `order`: Spearman's correlation of i with the row that i reads most, the first of equals: 1 where the source is read from left to
 *   right (monotonic attention, Raffel et al. 2017, arXiv:1704.00784). NaN below three rows.
 * - `sameToken`: mean, over the rows whose own token stands in the source too, of the mass on its places there (copying, Gu et al.
 *   2016, arXiv:1603.06393). NaN where no row's does. The start token and others that stand for no text count as no token.
 */
import { spearman } from '../statistics/correlation';

export interface CrossMapNumbers {
  readonly diagonal: number;
  readonly order: number;
  readonly sameToken: number;
}

/** Rows of the source about the diagonal. */
const band = 3;

export interface CrossTexts {
  readonly source: readonly number[];
  readonly target: readonly number[];
  readonly specialIds: readonly number[];
}

/** `map`: [n, m], row-major. */
export function crossMapNumbers(map: Float32Array, { source, target, specialIds }: CrossTexts): CrossMapNumbers {
  const [n, m] = [target.length, source.length];
  const special = new Set(specialIds);
  const places = new Map<number, number[]>();
  source.forEach((id, at) => {
    if (!special.has(id)) places.set(id, [...(places.get(id) ?? []), at]);
  });
  let [diagonal, same, copied] = [0, 0, 0];
  const most: number[] = [];
  for (let i = 0; i < n; i++) {
    const row = map.subarray(i * m, (i + 1) * m);
    for (const j of nearest(i, n, m)) diagonal += row[j] ?? 0;
    const own = places.get(target[i] ?? -1);
    if (own) {
      same += own.reduce((sum, j) => sum + (row[j] ?? 0), 0);
      copied += 1;
    }
    most.push(row.reduce((best, weight, j) => (weight > (row[best] ?? 0) ? j : best), 0));
  }
  return {
    diagonal: diagonal / n,
    order: n < 3 ? Number.NaN : spearman([...most.keys()], most).r,
    sameToken: copied === 0 ? Number.NaN : same / copied,
  };
}

/** The rows of the source nearest to the diagonal at a row of the target, rising. */
function nearest(i: number, n: number, m: number): readonly number[] {
  const at = n === 1 ? 0 : (i * (m - 1)) / (n - 1);
  const count = Math.min(band, m);
  const first = Math.max(0, Math.min(m - count, Math.round(at) - 1));
  return Array.from({ length: count }, (_, by) => first + by);
}

/** What each of the numbers is where a head gives all rows of the source the same. */
export function uniformNumbers({ source, target, specialIds }: CrossTexts): Omit<CrossMapNumbers, 'order'> {
  const even = new Float32Array(source.length * target.length).fill(1 / source.length);
  return crossMapNumbers(even, { source, target, specialIds });
}

/**
 * The map as a square picture of `side` x `side`, side the longer of both texts up to `most`: mean over a block of rows of the target
 * of the mass on a block of rows of the source. The shorter text is stretched.
 */
export function crossPicture(map: Float32Array, rows: number, columns: number, most: number): Float32Array {
  const side = Math.min(most, Math.max(rows, columns));
  const out = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    const [top, bottom] = blockOf(y, side, rows);
    for (let x = 0; x < side; x++) {
      const [left, right] = blockOf(x, side, columns);
      let sum = 0;
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) sum += map[i * columns + j] ?? 0;
      out[y * side + x] = sum / (bottom - top);
    }
  }
  return out;
}

/** Rows [from, to) of a block; at least one. */
function blockOf(at: number, side: number, length: number): readonly [from: number, to: number] {
  const from = Math.floor((at * length) / side);
  return [from, Math.max(from + 1, Math.floor(((at + 1) * length) / side))];
}
