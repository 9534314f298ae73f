/**
 * How much faster a neighborhood attention can be than full attention when both work in tiles: the upper bound of NATTENSim
 * (arXiv:2504.16922, section 3.3 and appendix A.3). The simulator itself is not released; this is a new derivation that
 * gives the paper's figures.
 *
 * Letters: T_Q, T_KV queries and keys of a tile along an axis.
 */
import { groupLength, neighbours, type Axis } from './axis';

export interface SimulatedAxis extends Axis {
  readonly queryTile: number;
  readonly keyTile: number;
}

/**
 * `static`: key tiles lie on a fixed grid of the axis; `dynamic`: they begin where the first key of the query tile lies.
 */
export type KeyTiling = 'static' | 'dynamic';

export interface Simulation {
  /** Key tiles that full attention visits for each query tile. */
  readonly allTiles: number;
  /** Key tiles of the query tile that visits most of them. */
  readonly worstTiles: number;
  readonly meanTiles: number;
  /** Upper bound of the speed-up: all tiles over those of the worst query tile, as the paper has it. */
  readonly bound: number;
  /** The same with the mean query tile. */
  readonly meanBound: number;
  /** What the skipped products alone would allow: all keys over the keys of a window. */
  readonly flopBound: number;
}

/** Key tiles along one axis for each query tile of it. */
export const visitedTiles = (axis: SimulatedAxis, tiling: KeyTiling = 'static'): readonly number[] =>
  queryTilesOf(axis, tiling).map(({ tiles }) => tiles);

/** A query tile of one axis: its positions and the key positions it visits, inside a dilation group. */
export interface QueryTile {
  readonly group: number;
  readonly queries: readonly [start: number, end: number];
  /** Whole key tiles, cut off at the end of the group. */
  readonly keys: readonly [start: number, end: number];
  readonly tiles: number;
}

export function queryTilesOf(axis: SimulatedAxis, tiling: KeyTiling = 'static'): readonly QueryTile[] {
  const { keyTile } = axis;
  const tiles: QueryTile[] = [];
  for (let group = 0; group < Math.min(axis.dilation, axis.size); group++) {
    const n = groupLength(axis, group);
    for (let first = 0; first < n; first += axis.queryTile) {
      const [start, end] = unionOf(axis, first, n);
      const from = tiling === 'dynamic' ? start : Math.floor(start / keyTile) * keyTile;
      const count = Math.ceil((end - from) / keyTile);
      tiles.push({
        group,
        queries: [first, Math.min(first + axis.queryTile, n)],
        keys: [from, Math.min(from + count * keyTile, n)],
        tiles: count,
      });
    }
  }
  return tiles;
}

/** First key and last key + 1 of a query tile, within its dilation group. */
function unionOf(axis: SimulatedAxis, first: number, n: number): readonly [start: number, end: number] {
  let [start, end] = [n, 0];
  for (let i = first; i < Math.min(first + axis.queryTile, n); i++) {
    const interval = neighbours(axis, i, n);
    start = Math.min(start, interval.start);
    end = Math.max(end, interval.end);
  }
  return [start, end];
}

/** Tiles of one, two or three axes: those of a query tile are the product of those along the axes. */
export function simulate(axes: readonly SimulatedAxis[], tiling: KeyTiling = 'static'): Simulation {
  const counts = axes.map((axis) => visitedTiles(axis, tiling));
  const product = (numbers: readonly number[]) => numbers.reduce((total, number) => total * number, 1);
  const allTiles = product(axes.map(({ size, dilation, keyTile }) => Math.ceil(Math.ceil(size / dilation) / keyTile)));
  return summary(
    allTiles,
    product(counts.map((list) => Math.max(...list))),
    product(counts.map((list) => list.reduce((sum, count) => sum + count, 0) / list.length)),
    product(axes.map(({ size, window }) => size / window)),
  );
}

const summary = (allTiles: number, worstTiles: number, meanTiles: number, flopBound: number): Simulation => ({
  allTiles,
  worstTiles,
  meanTiles,
  bound: allTiles / worstTiles,
  meanBound: allTiles / meanTiles,
  flopBound,
});

/** The axes flattened row by row and cut into tiles of one dimension: a key tile counts when any query of the tile reads in it. */
export function simulateFlattened(axes: readonly Axis[], queryTile: number, keyTile: number): Simulation {
  const count = axes.reduce((total, { size }) => total * size, 1);
  const tables = axes.map((axis) =>
    Array.from({ length: axis.size }, (_, coordinate) => {
      const group = coordinate % axis.dilation;
      const { start, end } = neighbours(axis, Math.floor(coordinate / axis.dilation), groupLength(axis, group));
      return { group, start, end };
    }),
  );
  const visited: number[] = [];
  // A tile holds the number of the last query tile that touched it.
  const marks = new Int32Array(Math.ceil(count / keyTile));
  for (let first = 0; first < count; first += queryTile) {
    const touched: Touched = { marks, mark: visited.length + 1, count: 0 };
    const seen = new Set<string>();
    for (let query = first; query < Math.min(first + queryTile, count); query++) {
      const windows = coordinatesOf(query, axes).map((coordinate, a) => tables[a]![coordinate]!);
      const name = windows.map(({ group, start, end }) => `${group} ${start} ${end}`).join();
      if (seen.has(name)) continue;
      seen.add(name);
      touch(axes, windows, keyTile, touched);
    }
    visited.push(touched.count);
  }
  return summary(
    Math.ceil(count / keyTile),
    Math.max(...visited),
    visited.reduce((sum, tiles) => sum + tiles, 0) / visited.length,
    axes.reduce((total, { size, window }) => total * (size / window), 1),
  );
}

interface Touched {
  readonly marks: Int32Array;
  readonly mark: number;
  count: number;
}

function touchTile(touched: Touched, tile: number): void {
  if (touched.marks[tile] === touched.mark) return;
  touched.marks[tile] = touched.mark;
  touched.count++;
}

interface Window {
  readonly group: number;
  readonly start: number;
  readonly end: number;
}

/** Adds the tiles that a box of keys lies in: its runs along the last axis are contiguous unless that axis is dilated. */
function touch(axes: readonly Axis[], windows: readonly Window[], keyTile: number, touched: Touched): void {
  const walk = (axis: number, base: number): void => {
    const { size, dilation } = axes[axis]!;
    const { group, start, end } = windows[axis]!;
    const at = (position: number) => base * size + position * dilation + group;
    if (axis < axes.length - 1) {
      for (let position = start; position < end; position++) walk(axis + 1, at(position));
    } else if (dilation === 1) {
      for (let tile = Math.floor(at(start) / keyTile); tile <= Math.floor(at(end - 1) / keyTile); tile++)
        touchTile(touched, tile);
    } else {
      for (let position = start; position < end; position++) touchTile(touched, Math.floor(at(position) / keyTile));
    }
  };
  walk(0, 0);
}

function coordinatesOf(flat: number, axes: readonly Axis[]): readonly number[] {
  let rest = flat;
  return axes.map((_, a) => {
    const below = axes.slice(a + 1).reduce((total, { size }) => total * size, 1);
    const coordinate = Math.floor(rest / below);
    rest -= coordinate * below;
    return coordinate;
  });
}

/** Whether every pair of tiles along the axis is read whole or not at all, found by looking at all of them. */
export function isBlockSparse(axis: SimulatedAxis): boolean {
  for (let group = 0; group < Math.min(axis.dilation, axis.size); group++) {
    const n = groupLength(axis, group);
    for (let first = 0; first < n; first += axis.queryTile) {
      const intervals = Array.from({ length: Math.min(axis.queryTile, n - first) }, (_, i) =>
        neighbours(axis, first + i, n),
      );
      const [head] = intervals;
      if (intervals.some(({ start, end }) => start !== head!.start || end !== head!.end)) return false;
      if (head!.start % axis.keyTile !== 0 || (head!.end % axis.keyTile !== 0 && head!.end !== n)) return false;
    }
  }
  return true;
}

/**
 * The released code's test of an axis without dilation, sufficient and not necessary. Causal axes never pass; under dynamic
 * tiling whole tiles in the stride and in the window do. The released code takes it for granted that a query tile is a whole
 * number of key tiles: for such pairs the test is its own, without a false positive (18,200 axes of up to 24 positions, tiles
 * of up to 4; it misses 190). For other pairs its formula would pass axes that are not block sparse (194 of 13,000): there
 * the stride is asked to be a whole number of key tiles too, which the pairs it means have by themselves.
 */
export function passesBlockSparseTest(axis: SimulatedAxis, tiling: KeyTiling = 'static'): boolean {
  const { size, window, stride, queryTile, keyTile, causal } = axis;
  if (causal) return false;
  if (window === size) return true;
  if (tiling === 'dynamic') return stride % queryTile === 0 && window % keyTile === 0;
  if (stride % queryTile !== 0 || window % keyTile !== 0) return false;
  const left = Math.floor(window / 2);
  const half = Math.floor(stride / 2);
  const lastGroup = Math.floor((size - 1) / stride) * stride;
  const lastStart = neighbours(axis, lastGroup, size).start;
  if (size % stride !== 0 && lastStart % keyTile !== 0) return false;
  const shifted = Math.ceil(size / stride) === 2 && stride + half >= size - window;
  return (stride % keyTile === 0 && (left - half) % keyTile === 0) || (size % keyTile === 0 && shifted);
}

/**
 * Upper bound of the speed-up of a whole model whose attention takes the share f of its time and of whose steps the share r
 * is sparse: 1 / (1 - f r + f r / S).
 */
export const endToEndBound = (bound: number, attentionShare: number, sparseSteps = 1): number =>
  1 / (1 - attentionShare * sparseSteps + (attentionShare * sparseSteps) / bound);

/** Configurations without those of a larger stride that gain nothing over a smaller one; in the order given. */
export function withoutDominated<T extends { readonly strides: readonly number[]; readonly bound: number }>(
  configurations: readonly T[],
): readonly T[] {
  return configurations.filter(
    (candidate) =>
      !configurations.some(
        (other) =>
          other !== candidate &&
          other.bound >= candidate.bound &&
          other.strides.every((stride, axis) => stride <= candidate.strides[axis]!),
      ),
  );
}
