/** The tiles of a neighborhood attention over a grid: which queries run together, over which keys, under which mask. */
import { integers } from '../../integers';
import { queryOffset, type AttentionShape } from '../../shape';
import { tilesOfAxis, type Axis, type AxisTile } from './axis';

/** A tile, by flat positions on the grid (row by row). */
export interface Tile {
  readonly queries: readonly number[];
  readonly keys: readonly number[];
  /** Left out when every query reads every key. */
  readonly reads?: (row: number, column: number) => boolean;
  /** The same for tiles of equal size and mask. */
  readonly name: string;
}

/** Queries of a tile along each axis, by rank: wider tiles compute more masked pairs, narrower ones copy keys more often. */
const tileLengths: Readonly<Record<number, readonly number[]>> = { 1: [64], 2: [4, 8], 3: [4, 4, 4] };

/**
 * Queries of a tile along an axis: whole stride groups, or a whole part of one, since the queries of a group share their
 * keys; along the one axis of rank 1 a quarter of a short window at most.
 */
export function tileLength(axis: Axis, rank: number, at: number): number {
  const usual = tileLengths[rank]![at]!;
  const longest = rank === 1 ? Math.min(usual, Math.max(16, Math.ceil(axis.window / 4))) : usual;
  if (axis.stride <= longest) return axis.stride * Math.floor(longest / axis.stride);
  const parts = Math.ceil(axis.stride / longest);
  for (let part = parts; part <= 2 * parts; part++) {
    if (axis.stride % part === 0) return axis.stride / part;
  }
  return longest;
}

/** The shape without the text tokens that follow the grid: keys and, beside them, queries. */
const gridShape = (shape: AttentionShape, text: number): AttentionShape => ({
  ...shape,
  queries: shape.queries - text,
  keys: shape.keys - text,
});

/**
 * Every tile that holds a query of the shape; with text tokens after the grid, each tile reads them beside its neighbourhood,
 * and their own queries are one more tile, which reads everything.
 */
export function tilesOf(shape: AttentionShape, axes: readonly Axis[], text: number): readonly Tile[] {
  const tiles = gridTiles(gridShape(shape, text), axes);
  if (text === 0) return tiles;
  const tokens = integers(shape.keys - text, shape.keys);
  return [
    ...tiles.map(({ queries, keys, name, reads }) => ({
      queries,
      keys: [...keys, ...tokens],
      name,
      ...(reads ? { reads: (row: number, column: number) => column >= keys.length || reads(row, column) } : {}),
    })),
    { queries: tokens, keys: integers(0, shape.keys), name: 'text' },
  ];
}

/** The products of the tiles along the axes. Queries are the last positions of the grid when a cache precedes them. */
function gridTiles(shape: AttentionShape, axes: readonly Axis[]): readonly Tile[] {
  const offset = queryOffset(shape);
  let tiles: readonly Tile[] = [{ queries: [0], keys: [0], name: '' }];
  axes.forEach((axis, at) => {
    const along = tilesOfAxis(axis, tileLength(axis, axes.length, at));
    tiles = tiles.flatMap((outer) => along.map((inner) => product(outer, inner, axis.size)));
  });
  return offset === 0 ? tiles : tiles.flatMap((tile) => withoutBefore(tile, offset));
}

export interface TileSums {
  /** Rows times keys, summed over the tiles. */
  readonly pairs: number;
  readonly copiedKeys: number;
  readonly mostRows: number;
  readonly mostKeys: number;
}

/** Sums over all tiles: where none is cut by a cache, products of the sums along the axes. */
export function tileSums(shape: AttentionShape, axes: readonly Axis[], text: number): TileSums {
  const grid = gridSums(gridShape(shape, text), axes);
  const { pairs, tiles, copiedKeys, mostRows, mostKeys } = grid;
  if (text === 0) return grid;
  const largest =
    text * shape.keys > mostRows * (mostKeys + text)
      ? { mostRows: text, mostKeys: shape.keys }
      : { mostRows, mostKeys: mostKeys + text };
  return {
    pairs: pairs + (shape.queries - text) * text + text * shape.keys,
    copiedKeys: copiedKeys + tiles * text + shape.keys,
    ...largest,
  };
}

function gridSums(shape: AttentionShape, axes: readonly Axis[]): TileSums & { readonly tiles: number } {
  const lists =
    queryOffset(shape) === 0
      ? axes.map((axis, at) => tilesOfAxis(axis, tileLength(axis, axes.length, at)))
      : [gridTiles(shape, axes)];
  const product = (of: (list: readonly Pick<Tile, 'queries' | 'keys'>[]) => number) =>
    lists.reduce((total, list) => total * of(list), 1);
  const sum = (of: (tile: Pick<Tile, 'queries' | 'keys'>) => number) =>
    product((list) => list.reduce((total, tile) => total + of(tile), 0));
  const most = (of: (tile: Pick<Tile, 'queries' | 'keys'>) => number) =>
    product((list) => list.reduce((highest, tile) => Math.max(highest, of(tile)), 0));
  return {
    pairs: sum((tile) => tile.queries.length * tile.keys.length),
    tiles: sum(() => 1),
    copiedKeys: sum((tile) => tile.keys.length),
    mostRows: most((tile) => tile.queries.length),
    mostKeys: most((tile) => tile.keys.length),
  };
}

function product(outer: Tile, inner: AxisTile, size: number): Tile {
  const flat = (bases: readonly number[], coordinates: readonly number[]) =>
    bases.flatMap((base) => coordinates.map((coordinate) => base * size + coordinate));
  const [rows, columns] = [inner.queries.length, inner.keys.length];
  const all = inner.reads.every((row) => row.every(Boolean));
  const outerReads = outer.reads;
  return {
    queries: flat(outer.queries, inner.queries),
    keys: flat(outer.keys, inner.keys),
    name: `${outer.name}/${inner.name}`,
    ...(all && !outerReads
      ? {}
      : {
          reads: (row, column) =>
            inner.reads[row % rows]![column % columns]! &&
            (!outerReads || outerReads(Math.floor(row / rows), Math.floor(column / columns))),
        }),
  };
}

/** The tile with the queries from `offset` on; nothing when none is left. */
function withoutBefore(tile: Tile, offset: number): readonly Tile[] {
  const rows = tile.queries.flatMap((query, row) => (query >= offset ? [row] : []));
  if (rows.length === tile.queries.length) return [tile];
  if (rows.length === 0) return [];
  const { reads } = tile;
  return [
    {
      queries: rows.map((row) => tile.queries[row]!),
      keys: tile.keys,
      name: `${tile.name} from ${rows.join()}`,
      ...(reads ? { reads: (row, column) => reads(rows[row]!, column) } : {}),
    },
  ];
}

/** Rows of one product: short tiles of the same look go through it side by side. */
const rowsOfProduct = 64;

/** Tiles of the same look, as many to a product as fill its rows. */
export function productsOf(tiles: readonly Tile[]): readonly (readonly Tile[])[] {
  const looks = new Map<string, Tile[]>();
  for (const tile of tiles) {
    const alike = looks.get(tile.name);
    if (alike) alike.push(tile);
    else looks.set(tile.name, [tile]);
  }
  return [...looks.values()].flatMap((alike) => {
    const together = Math.max(1, Math.floor(rowsOfProduct / alike[0]!.queries.length));
    return Array.from({ length: Math.ceil(alike.length / together) }, (_, i) =>
      alike.slice(i * together, (i + 1) * together),
    );
  });
}
