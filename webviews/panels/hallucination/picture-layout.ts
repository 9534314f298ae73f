/** Where the patches of a picture lie. Pure. */
import type { ImageSpan, ImageTile } from '../../../protocol/schema/parts';

export interface Patch {
  /** Among the image tokens, from 0. */
  readonly token: number;
  readonly tile: number;
  readonly row: number;
  readonly column: number;
  /** In pixels of the picture. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
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
export function levelsOf({ tiles }: Pick<ImageSpan, 'tiles'>): readonly (readonly number[])[] {
  const levels: number[][] = [];
  tiles.forEach((tile, at) => {
    const free = levels.find((level) => level.every((other) => !overlap(tile, tiles[other] ?? tile)));
    if (free) free.push(at);
    else levels.push([at]);
  });
  return levels;
}

export function levelName({ tiles }: Pick<ImageSpan, 'tiles'>, level: readonly number[]): string {
  const [first] = level.map((at) => tiles[at]);
  if (level.length === 1 && first) return `Whole picture, ${first.rows} x ${first.columns} patches`;
  return `${level.length} tiles${first ? ` of ${first.rows} x ${first.columns}` : ''}`;
}

export function patchesOf({ tiles }: Pick<ImageSpan, 'tiles'>, level: readonly number[]): readonly Patch[] {
  return level.flatMap((at) => {
    const tile = tiles[at];
    if (!tile) return [];
    const [width, height] = [tile.width / tile.columns, tile.height / tile.rows];
    return Array.from({ length: tile.rows * tile.columns }, (_, index): Patch => {
      const row = Math.floor(index / tile.columns);
      const column = index % tile.columns;
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
}

/** The patch under a point of the picture. */
export const patchAt = (patches: readonly Patch[], x: number, y: number): Patch | undefined =>
  patches.find((patch) => x >= patch.x && x < patch.x + patch.width && y >= patch.y && y < patch.y + patch.height);

/** The nearest patch in a direction, over the borders of tiles as well. */
export function patchBeside(patches: readonly Patch[], from: Patch, across: number, down: number): Patch | undefined {
  const x = from.x + from.width / 2 + across * from.width;
  const y = from.y + from.height / 2 + down * from.height;
  return patchAt(patches, x, y);
}

export const placeWords = (patch: Patch, level: readonly number[]): string =>
  `row ${patch.row + 1} column ${patch.column + 1}${level.length > 1 ? ` of tile ${level.indexOf(patch.tile) + 1}` : ''}`;
