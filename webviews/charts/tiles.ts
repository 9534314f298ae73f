/**
 * One head's probabilities, [queries][keys], as a pyramid of tiles: at level l a texel is the largest probability of 2^l x 2^l cells, and
 * a tile holds 256 x 256 texels. Tiles are asked for a few at a time, those wanted now first, and the least used are
 * forgotten. No DOM.
 */
export const tileSide = 256;

export interface TileAddress {
  readonly level: number;
  readonly row: number;
  readonly column: number;
}

export interface TileRectangle {
  readonly rowStart: number;
  readonly rowCount: number;
  readonly columnStart: number;
  readonly columnCount: number;
  readonly outRows: number;
  readonly outColumns: number;
}

export interface LoadedTile {
  readonly address: TileAddress;
  readonly outRows: number;
  readonly outColumns: number;
  /** [outRows, outColumns] */
  readonly data: Float32Array;
}

/** Queries and keys: as many of both, but for cross-attention, whose keys are the tokens of a source. */
export interface HeadSize {
  readonly rows: number;
  readonly columns: number;
}

const keyOf = ({ level, row, column }: TileAddress): string => `${level}/${row}/${column}`;

/** The level at which the whole head is one tile. */
export const topLevel = ({ rows, columns }: HeadSize): number =>
  Math.max(0, Math.ceil(Math.log2(Math.max(1, rows, columns) / tileSide)));

/** The level whose texels are at least one device pixel at `cell` device pixels per probability, or the coarsest. */
export const levelFor = (cell: number, size: HeadSize): number =>
  Math.min(topLevel(size), Math.max(0, Math.floor(Math.log2(1 / cell) + 0.001)));

export function rectangleOf({ level, row, column }: TileAddress, { rows, columns }: HeadSize): TileRectangle {
  const span = tileSide * 2 ** level;
  const rowStart = row * span;
  const columnStart = column * span;
  const rowCount = Math.max(0, Math.min(span, rows - rowStart));
  const columnCount = Math.max(0, Math.min(span, columns - columnStart));
  return {
    rowStart,
    rowCount,
    columnStart,
    columnCount,
    outRows: Math.ceil(rowCount / 2 ** level),
    outColumns: Math.ceil(columnCount / 2 ** level),
  };
}

/** Above the diagonal a causal head reads nothing: such a tile is never asked for. */
export const isMasked = ({ row, column }: TileAddress, causal: boolean): boolean => causal && column > row;

/** Tiles of a level that touch the cells [row0, row1) x [column0, column1). */
export function tilesIn(
  level: number,
  [row0, row1, column0, column1]: readonly [number, number, number, number],
  { rows, columns }: HeadSize,
  causal: boolean,
): TileAddress[] {
  const span = tileSide * 2 ** level;
  const [lastRow, lastColumn] = [Math.ceil(rows / span) - 1, Math.ceil(columns / span) - 1];
  const found: TileAddress[] = [];
  for (
    let row = Math.max(0, Math.floor(row0 / span));
    row <= Math.min(lastRow, Math.floor((row1 - 1e-9) / span));
    row += 1
  )
    for (
      let column = Math.max(0, Math.floor(column0 / span));
      column <= Math.min(lastColumn, Math.floor((column1 - 1e-9) / span));
      column += 1
    ) {
      const address = { level, row, column };
      if (!isMasked(address, causal)) found.push(address);
    }
  return found;
}

export interface TileStoreOptions {
  readonly ask: (address: TileAddress) => void;
  readonly capacity?: number;
  /** Requests under way at once: the server computes one at a time, so more would only make the wanted ones wait. */
  readonly inFlight?: number;
}

export class TileStore {
  /** In order of use, the least used first. */
  private readonly loaded = new Map<string, LoadedTile>();
  private readonly asked = new Set<string>();
  private readonly failed = new Set<string>();
  private queue: readonly TileAddress[] = [];

  constructor(private readonly options: TileStoreOptions) {}

  get(address: TileAddress): LoadedTile | undefined {
    const key = keyOf(address);
    const tile = this.loaded.get(key);
    if (tile) {
      this.loaded.delete(key);
      this.loaded.set(key, tile);
    }
    return tile;
  }

  /** What is on screen now: earlier wishes that were not asked yet are dropped. */
  want(addresses: readonly TileAddress[]): void {
    const wanted = new Set<string>();
    this.queue = addresses.filter((address) => {
      const key = keyOf(address);
      if (wanted.has(key) || this.loaded.has(key) || this.asked.has(key) || this.failed.has(key)) return false;
      wanted.add(key);
      return true;
    });
    this.pump();
  }

  /** One more, behind what is on screen. */
  wantAlso(address: TileAddress): void {
    this.want([...this.queue, address]);
  }

  receive(tile: LoadedTile): void {
    const key = keyOf(tile.address);
    this.asked.delete(key);
    this.loaded.set(key, tile);
    const { capacity = 192 } = this.options;
    for (const oldest of this.loaded.keys()) {
      if (this.loaded.size <= capacity) break;
      this.loaded.delete(oldest);
    }
    this.pump();
  }

  /** A tile that failed is not asked for again until `retry`. */
  fail(address: TileAddress): void {
    this.asked.delete(keyOf(address));
    this.failed.add(keyOf(address));
    this.pump();
  }

  retry(): void {
    this.failed.clear();
  }

  get waiting(): number {
    return this.asked.size + this.queue.length;
  }

  get size(): number {
    return this.loaded.size;
  }

  private pump(): void {
    while (this.asked.size < (this.options.inFlight ?? 4)) {
      const [next, ...rest] = this.queue;
      if (!next) return;
      this.queue = rest;
      this.asked.add(keyOf(next));
      this.options.ask(next);
    }
  }
}
