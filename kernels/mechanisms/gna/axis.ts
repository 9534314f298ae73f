/**
 * One axis of generalized neighborhood attention (arXiv:2504.16922, section 3; the released code's reference mask).
 *
 * Letters: N positions on the axis, w window, s stride, D dilation, i a position inside its dilation group of n positions.
 */
import { integers } from '../../integers';

export interface Axis {
  readonly size: number;
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly causal: boolean;
}

/** Positions [start, end) inside the dilation group of a query. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Positions of the axis that share a remainder by the dilation: floor(N / D), one more for the first N mod D remainders. */
export const groupLength = ({ size, dilation }: Pick<Axis, 'size' | 'dilation'>, group: number): number =>
  Math.floor(size / dilation) + (group < size % dilation ? 1 : 0);

/**
 * What the query at position i of a group of n positions reads.
 * Non-causal: queries of a stride group share the window of their leader, which is shifted inside the axis at its borders:
 *   leader l = min(floor(i / s) s + floor(s / 2), n - 1), centre c = clamp(l, wl, n - 1 - wr), keys c - wl .. c + wr,
 *   wl = floor(w / 2), wr = floor(w / 2) + (w mod 2) - 1.
 * Causal: l = min(floor(i / s) s + s - 1, n - 1), keys max(l - w + 1, 0) .. i.
 */
export function neighbours({ window, stride, causal }: Axis, i: number, n: number): Interval {
  const first = Math.floor(i / stride) * stride;
  const left = Math.floor(window / 2);
  const right = left + (window % 2) - 1;
  if (causal) {
    const leader = Math.min(first + stride - 1, n - 1);
    return { start: Math.max(leader - left - right, 0), end: i + 1 };
  }
  const leader = Math.min(first + Math.floor(stride / 2), n - 1);
  const centre = Math.min(Math.max(leader, left), n - 1 - right);
  return { start: centre - left, end: centre + right + 1 };
}

/** Whether the query at coordinate `query` reads the key at coordinate `key`. */
export function readsAlong(axis: Axis, query: number, key: number): boolean {
  const group = query % axis.dilation;
  if (key % axis.dilation !== group) return false;
  const { start, end } = neighbours(axis, Math.floor(query / axis.dilation), groupLength(axis, group));
  const position = Math.floor(key / axis.dilation);
  return position >= start && position < end;
}

/** Queries that are computed together along an axis, and the keys that any of them reads. */
export interface AxisTile {
  /** Coordinates, ascending. */
  readonly queries: readonly number[];
  readonly keys: readonly number[];
  /** reads[query][key], by place in the two lists. */
  readonly reads: readonly (readonly boolean[])[];
  /** Tiles that differ only in where they lie have the same name. */
  readonly name: string;
}

/** Cuts the axis, dilation group by dilation group, into tiles of at most `length` queries. */
export function tilesOfAxis(axis: Axis, length: number): readonly AxisTile[] {
  const tiles: AxisTile[] = [];
  for (let group = 0; group < Math.min(axis.dilation, axis.size); group++) {
    const n = groupLength(axis, group);
    for (let first = 0; first < n; first += length) {
      const positions = integers(first, Math.min(first + length, n));
      const intervals = positions.map((i) => neighbours(axis, i, n));
      const from = Math.min(...intervals.map(({ start }) => start));
      const keys = integers(from, Math.max(...intervals.map(({ end }) => end)));
      const reads = intervals.map(({ start, end }) => keys.map((key) => key >= start && key < end));
      tiles.push({
        queries: positions.map((i) => i * axis.dilation + group),
        keys: keys.map((key) => key * axis.dilation + group),
        reads,
        name: intervals.map(({ start, end }) => `${start - from}-${end - from}`).join(),
      });
    }
  }
  return tiles;
}
