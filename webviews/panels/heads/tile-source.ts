/** The tiles of the head on screen: asked from the extension, kept while that head of that result is shown. */
import type { HeadTile } from '../../../protocol/results/heads';
import {
  isMasked,
  rectangleOf,
  TileStore,
  type LoadedTile,
  type TileAddress,
  type TileRectangle,
} from '../../charts/tiles';

export interface TileSource {
  /** Changes with the head and with the result. */
  readonly key: string;
  readonly length: number;
  readonly causal: boolean;
  readonly store: TileStore;
  /** Why the last tile did not come. */
  problem: string | undefined;
  /** Set by whoever draws the tiles. */
  onTile: (() => void) | undefined;
}

export class TileRequests {
  private readonly asked = new Map<number, { readonly source: TileSource; readonly address: TileAddress }>();

  constructor(
    private readonly send: (request: number, rectangle: TileRectangle) => void,
    private readonly nextRequest: () => number,
    /** The words around the picture have to change too. */
    private readonly changed: () => void,
  ) {}

  open(key: string, length: number, causal: boolean): TileSource {
    this.asked.clear();
    const source: TileSource = {
      key,
      length,
      causal,
      problem: undefined,
      onTile: undefined,
      store: new TileStore({
        ask: (address) => {
          const request = this.nextRequest();
          this.asked.set(request, { source, address });
          this.send(request, rectangleOf(address, length));
        },
      }),
    };
    return source;
  }

  /** False when nobody waits for it any more. */
  receive(request: number, tile: HeadTile): boolean {
    const one = this.asked.get(request);
    if (!one) return false;
    this.asked.delete(request);
    const recovered = one.source.problem !== undefined;
    one.source.problem = undefined;
    one.source.store.receive({
      address: one.address,
      outRows: tile.outRows,
      outColumns: tile.outColumns,
      data: tile.data,
    });
    // A long head brings tiles at each step of a pan: the picture draws itself, the page stays as it is.
    if (recovered || wholeMatrix(one.source)) this.changed();
    one.source.onTile?.();
    return true;
  }

  fail(request: number, sentence: string): boolean {
    const one = this.asked.get(request);
    if (!one) return false;
    this.asked.delete(request);
    one.source.problem = sentence;
    one.source.store.fail(one.address);
    this.changed();
    return true;
  }
}

/** The largest probability of the block that holds a cell, from the finest tile that is there. */
export function lookUp(
  source: TileSource,
  query: number,
  key: number,
  finest: number,
  coarsest: number,
): { readonly value: number; readonly block: number } | undefined {
  if (source.causal && key > query) return { value: 0, block: 1 };
  for (let level = finest; level <= coarsest; level += 1) {
    const span = 256 * 2 ** level;
    const address = { level, row: Math.floor(query / span), column: Math.floor(key / span) };
    if (isMasked(address, source.causal)) continue;
    const tile = source.store.get(address);
    if (!tile) continue;
    const { rowStart, rowCount, columnStart, columnCount } = rectangleOf(address, source.length);
    const row = Math.floor(((query - rowStart) * tile.outRows) / rowCount);
    const column = Math.floor(((key - columnStart) * tile.outColumns) / columnCount);
    return { value: tile.data[row * tile.outColumns + column] ?? Number.NaN, block: 2 ** level };
  }
  return undefined;
}

/** All probabilities at once, [T, T], when they fit one tile and it is there. */
export const wholeMatrix = (source: TileSource): LoadedTile | undefined =>
  source.length <= 256 ? source.store.get({ level: 0, row: 0, column: 0 }) : undefined;
