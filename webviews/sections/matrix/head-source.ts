/** The probabilities of one head on one prompt, as they are asked for: tiles of its matrix, and rows of single queries. No DOM. */
import {
  isMasked,
  rectangleOf,
  tileSide,
  TileStore,
  topLevel,
  type HeadSize,
  type LoadedTile,
  type TileAddress,
} from '../../charts/tiles';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { HeadSupply } from '../section-kind';

/** What came: a tile is drawn by the picture alone, the rest changes words of the page too. */
export type Arrival = 'tile' | 'whole' | 'row' | 'problem';

/** Rows that are kept. */
const mostRows = 512;
/** Asked for at once: the rest waits for these. */
const mostAsked = 4;
/** Milliseconds a row waits: the arrow keys go over many. */
const rowAfter = 40;

export class HeadSource {
  readonly store: TileStore;
  /** Why the last tile, or the last row, did not come. */
  problem: string | undefined;
  rowProblem: string | undefined;
  private readonly rows = new Map<number, Float32Array>();
  private readonly askedRows = new Set<number>();
  private wantedRows: readonly number[] = [];
  private readonly listeners = new Set<(arrival: Arrival) => void>();
  private known: { readonly rows: readonly (Float32Array | undefined)[]; readonly mean: Float32Array | undefined } = {
    rows: [],
    mean: undefined,
  };
  private rowTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly size: HeadSize,
    readonly causal: boolean,
    private readonly supply: HeadSupply,
  ) {
    this.store = new TileStore({ ask: (address) => this.askTile(address) });
  }

  /** Gives back how to stop listening. */
  onChange(listener: (arrival: Arrival) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private say(arrival: Arrival): void {
    for (const listener of this.listeners) listener(arrival);
  }

  private askTile(address: TileAddress): void {
    this.supply.tile(rectangleOf(address, this.size)).then(
      ({ outRows, outColumns, data }) => {
        const recovered = this.problem !== undefined;
        this.problem = undefined;
        this.store.receive({ address, outRows, outColumns, data });
        this.say(recovered ? 'problem' : this.whole() ? 'whole' : 'tile');
      },
      (error: unknown) => {
        this.problem = sentenceOf(error);
        this.store.fail(address);
        this.say('problem');
      },
    );
  }

  /** Tiles and rows that failed are asked for once more. */
  retry(): void {
    this.problem = undefined;
    this.rowProblem = undefined;
    this.store.retry();
    this.say('problem');
  }

  /** What each of the queries reads; undefined for those that have not come, which are asked for. */
  rowsOf(queries: readonly number[]): readonly (Float32Array | undefined)[] {
    // What failed was of queries that are no longer looked at.
    if (this.rowProblem !== undefined && queries.join() !== this.wantedRows.join()) this.rowProblem = undefined;
    this.wantedRows = queries;
    const missing = queries.some((query) => !this.rows.has(query) && !this.askedRows.has(query));
    if (missing && this.rowProblem === undefined) this.rowTimer ??= setTimeout(() => this.askRows(), rowAfter);
    return queries.map((query) => this.rows.get(query));
  }

  /** What the queries read together, once all of it is there: the same numbers as long as their rows are the same. */
  meanOf(queries: readonly number[]): Float32Array | undefined {
    const rows = this.rowsOf(queries);
    const { known } = this;
    if (known.rows.length !== rows.length || known.rows.some((row, at) => row !== rows[at]))
      this.known = { rows, mean: meanOfRows(rows) };
    return this.known.mean;
  }

  private askRows(): void {
    this.rowTimer = undefined;
    for (const query of this.wantedRows) {
      if (this.askedRows.size >= mostAsked) return;
      if (this.rows.has(query) || this.askedRows.has(query)) continue;
      this.askedRows.add(query);
      this.supply.row(query).then(
        (row) => {
          this.askedRows.delete(query);
          this.rows.set(query, row);
          for (const oldest of this.rows.keys()) {
            if (this.rows.size <= mostRows) break;
            this.rows.delete(oldest);
          }
          this.askRows();
          this.say('row');
        },
        (error: unknown) => {
          this.askedRows.delete(query);
          this.rowProblem = sentenceOf(error);
          this.say('row');
        },
      );
    }
  }

  /** All probabilities at once, [queries, keys], when they fit one tile and it is there. */
  whole(): LoadedTile | undefined {
    return topLevel(this.size) === 0 ? this.store.get({ level: 0, row: 0, column: 0 }) : undefined;
  }

  /** The coarsest tile, which holds the whole head. */
  coarsest(): LoadedTile | undefined {
    return this.store.get({ level: topLevel(this.size), row: 0, column: 0 });
  }

  /** Asks for the tile that has the exact value of a cell. */
  wantExact(query: number, key: number): void {
    if (this.causal && key > query) return;
    this.store.wantAlso({ level: 0, row: Math.floor(query / tileSide), column: Math.floor(key / tileSide) });
  }

  /** The largest probability of the block that holds a cell, from the finest tile that is there; a block of one cell is exact. */
  lookUp(query: number, key: number): { readonly value: number; readonly block: number } | undefined {
    if (this.causal && key > query) return { value: 0, block: 1 };
    for (let level = 0; level <= topLevel(this.size); level += 1) {
      const span = tileSide * 2 ** level;
      const address = { level, row: Math.floor(query / span), column: Math.floor(key / span) };
      if (isMasked(address, this.causal)) continue;
      const tile = this.store.get(address);
      if (!tile) continue;
      const { rowStart, rowCount, columnStart, columnCount } = rectangleOf(address, this.size);
      const row = Math.floor(((query - rowStart) * tile.outRows) / rowCount);
      const column = Math.floor(((key - columnStart) * tile.outColumns) / columnCount);
      return { value: tile.data[row * tile.outColumns + column] ?? Number.NaN, block: 2 ** level };
    }
    return undefined;
  }
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * What several queries read together: the mean of their rows (bertviz#125 asks for their sum). A mean of distributions is one
 * again, so that it sums to 1 and is drawn on the scale of a single row; times the number of queries it is the sum. Undefined
 * until every row is there.
 */
export function meanOfRows(rows: readonly (Float32Array | undefined)[]): Float32Array | undefined {
  const [first] = rows;
  if (first === undefined || rows.length === 1) return first;
  const mean = new Float32Array(first.length);
  for (const row of rows) {
    if (row === undefined) return undefined;
    row.forEach((weight, key) => (mean[key] = (mean[key] ?? 0) + weight / rows.length));
  }
  return mean;
}

/** Texts of the keys. */
export const keysOf = ({ tokens, keys = tokens }: Pick<MatrixSection, 'tokens' | 'keys'>): readonly string[] => keys;

const sizeOf = (section: Pick<MatrixSection, 'tokens' | 'keys'>): HeadSize => ({
  rows: section.tokens.length,
  columns: keysOf(section).length,
});

const opened = new WeakMap<object, HeadSource>();

/** The source of a matrix section: made once, and kept as long as the section is. */
export function openHead(
  section: Pick<MatrixSection, 'tokens' | 'keys' | 'causal'>,
  supply: HeadSupply,
  /** Words of the page change with what has come: a tile is drawn by the picture alone. */
  redraw: () => void = () => {},
): HeadSource {
  const known = opened.get(section);
  if (known) return known;
  const source = new HeadSource(sizeOf(section), section.causal, supply);
  source.onChange((arrival) => {
    if (arrival !== 'tile') redraw();
  });
  opened.set(section, source);
  return source;
}

/** Undefined where nobody has opened it: there is no model at hand that could be asked. */
export const sourceOf = (section: object): HeadSource | undefined => opened.get(section);
