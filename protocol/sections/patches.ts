/** Which parts of a picture its image tokens show. Pure. */
import type { ImageTile } from '../schema/parts';

type Tiles = readonly ImageTile[];

/** In pixels of the picture. */
export interface Patch {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Among the image tokens, from 0. */
  readonly token: number;
  readonly tile: number;
  readonly row: number;
  readonly column: number;
}

const overlap = (a: ImageTile, b: ImageTile): boolean =>
  a.x < b.x + b.width - 1e-6 &&
  b.x < a.x + a.width - 1e-6 &&
  a.y < b.y + b.height - 1e-6 &&
  b.y < a.y + a.height - 1e-6;

/**
 * Tiles by level: within a level none lies over another. A model that tiles reads the whole picture once and its parts
 * again in detail: level 0 and 1.
 */
export function levelsOf(tiles: Tiles): readonly (readonly number[])[] {
  const levels: number[][] = [];
  tiles.forEach((tile, at) => {
    const free = levels.find((level) => level.every((other) => !overlap(tile, tiles[other] ?? tile)));
    if (free) free.push(at);
    else levels.push([at]);
  });
  return levels;
}

/** Image tokens that show a part of the picture (newline tokens show none), of all tiles where no level is named. */
export const patchesOf = (tiles: Tiles, level: Iterable<number> = tiles.keys()): readonly Patch[] =>
  [...level].flatMap((at) => {
    const tile = tiles[at];
    if (!tile) return [];
    const [width, height] = [tile.width / tile.columns, tile.height / tile.rows];
    return Array.from({ length: tile.rows * tile.columns }, (_, index): Patch => {
      const [row, column] = [Math.floor(index / tile.columns), index % tile.columns];
      return {
        token: tile.first + row * tile.stride + column,
        tile: at,
        row,
        column,
        x: tile.x + column * width,
        y: tile.y + row * height,
        width,
        height,
      };
    });
  });
