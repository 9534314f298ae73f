/** Where the patches of a picture lie, and how the arrow keys walk them. Pure. */
import type { ImageSpan, ImageTile } from '../../../protocol/schema/parts';
import { levelsOf, type Patch } from '../../../protocol/sections/patches';

type Tiles = readonly ImageTile[];

const highest = 440;
/** One pixel of a picture is no larger than so many of the page. */
const mostEnlarged = 4;

/** Pixels of the page for one of the picture: as wide as the room, no higher than most pages. */
export const pictureScale = (width: number, height: number, room: number): number =>
  Math.min(room / width, highest / height, mostEnlarged);

/** `Whole picture, 3 x 3 patches`, `2 tiles of 4 x 4`. */
export function levelName(tiles: Tiles, level: readonly number[]): string {
  const [first] = level.flatMap((at) => tiles[at] ?? []);
  if (level.length === 1 && first) return `Whole picture, ${first.rows} x ${first.columns} patches`;
  return `${level.length} tiles${first ? ` of ${first.rows} x ${first.columns}` : ''}`;
}

/** The patch under a point of the picture. */
export const patchAt = (patches: readonly Patch[], x: number, y: number): Patch | undefined =>
  patches.find((patch) => x >= patch.x && x < patch.x + patch.width && y >= patch.y && y < patch.y + patch.height);

/** `row 1, column 0 of tile 2 (image token 36)`; all are counted from 0, and tile 0 may be the whole picture. */
export function placeWords({ tiles }: Pick<ImageSpan, 'tiles'>, { token, tile, row, column }: Patch): string {
  const levels = levelsOf(tiles);
  const isWhole = levels.length > 1 && levels.some((level) => level.length === 1 && level[0] === tile);
  const where = tiles.length === 1 ? '' : isWhole ? ' of the whole picture' : ` of tile ${tile}`;
  return `row ${row}, column ${column}${where} (image token ${token})`;
}

const directions: Readonly<Record<string, readonly [across: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * To the next patch, over the border of a tile into the one beside it; the page keys go to the tile before and after. Where
 * nothing lies the patch stays.
 */
export function moveInTiles(tiles: Tiles, patches: readonly Patch[], at: Patch, key: string): string | undefined {
  const inTile = (tile: number, row: number, column: number): Patch | undefined =>
    patches.find((one) => one.tile === tile && one.row === row && one.column === column);
  const { tile, row } = at;
  const step = directions[key];
  const last = (tiles[tile]?.columns ?? 1) - 1;
  const first = patches[0]?.tile ?? 0;
  const found = step
    ? patchBeside(tiles, patches, at, ...step)
    : key === 'Home'
      ? inTile(tile, row, 0)
      : key === 'End'
        ? inTile(tile, row, last)
        : key === 'PageUp'
          ? inTile(tile - 1 < first ? tile : tile - 1, 0, 0)
          : key === 'PageDown'
            ? inTile(tile + 1, 0, 0)
            : null;
  return found === null ? undefined : String((found ?? at).token);
}

function patchBeside(
  tiles: Tiles,
  patches: readonly Patch[],
  from: Patch,
  across: number,
  down: number,
): Patch | undefined {
  const level = levelsOf(tiles).find((each) => each.includes(from.tile)) ?? [];
  const [x, y] = [from.x + (across + 0.5) * from.width, from.y + (down + 0.5) * from.height];
  return patchAt(
    patches.filter(({ tile }) => level.includes(tile)),
    x,
    y,
  );
}
