/**
 * The tiling of Idefics3 and SmolVLM: a picture is brought to a longest edge, then to whole multiples of a tile's edge, and
 * cut into tiles; the whole picture as one tile comes last. Rules and roundings of transformers 4.57
 * `Idefics3ImageProcessor`.
 */
import { crop, PictureError, type Pixels } from './pixels';
import { resize, type Filter } from './resample';

export interface Splits {
  /** Tiles line by line, then the whole picture; the whole picture alone where rows is 0. */
  readonly tiles: readonly Pixels[];
  readonly rows: number;
  readonly columns: number;
}

/** No side is longer, whatever the config asks for. */
const longestSide = 4096;
/** Pixels of the whole tiles, where no longest edge bounds them. */
const largestCanvas = 64_000_000;

function longestEdge(width: number, height: number, edge: number): { width: number; height: number } {
  const even = (side: number): number => side + (side % 2);
  const ratio = width / height;
  let [w, h] =
    width >= height
      ? [edge, Math.max(1, even(Math.trunc(edge / ratio)))]
      : [Math.max(1, even(Math.trunc(edge * ratio))), edge];
  const shape = w / h;
  if (w >= h && w > longestSide) [w, h] = [longestSide, Math.max(1, Math.trunc(longestSide / shape))];
  else if (h > w && h > longestSide) [w, h] = [Math.max(1, Math.trunc(longestSide * shape)), longestSide];
  return { width: w, height: h };
}

export function splitPicture(
  picture: Pixels,
  settings: {
    /** Longest edge that the picture is brought to first; undefined: it stays. */
    readonly longest: number | undefined;
    readonly edge: number;
    readonly split: boolean;
    readonly filter: Filter;
  },
): Splits {
  const { longest, edge, split, filter } = settings;
  const first = longest === undefined ? picture : longestEdge(picture.width, picture.height, longest);
  const brought = resize(picture, first.width, first.height, filter);
  if (!split) return { tiles: [resize(brought, edge, edge, filter)], rows: 0, columns: 0 };
  const up = (side: number): number => Math.ceil(side / edge) * edge;
  const ratio = brought.width / brought.height;
  const [width, height] =
    brought.width >= brought.height
      ? [up(brought.width), up(Math.trunc(up(brought.width) / ratio))]
      : [up(Math.trunc(up(brought.height) * ratio)), up(brought.height)];
  if (width * height > largestCanvas) {
    throw new PictureError(
      `has ${picture.width} x ${picture.height} pixels, of which ${(width * height) / edge ** 2} tiles would be made. Scale it down`,
    );
  }
  const canvas = resize(brought, width, height, filter);
  if (width <= edge && height <= edge) return { tiles: [canvas], rows: 0, columns: 0 };
  const [rows, columns] = [height / edge, width / edge];
  const tiles: Pixels[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      tiles.push(crop(canvas, { x: column * edge, y: row * edge, width: edge, height: edge }));
    }
  }
  return { tiles: [...tiles, resize(canvas, edge, edge, filter)], rows, columns };
}
