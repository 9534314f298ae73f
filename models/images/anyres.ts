/**
 * LLaVA-NeXT's tiling: a picture is enlarged to the best of some given sizes, padded and cut into tiles; afterwards the
 * tiles' cells are joined to one map and the cells of the padding cut off. Rules and roundings of transformers 4.57
 * (`select_best_resolution`, `LlavaNextImageProcessor`, `unpad_image`).
 */
import { crop, type Pixels, type Rectangle } from './pixels';
import { resize, type Filter } from './resample';

export type HeightWidth = readonly [height: number, width: number];

/** The size that keeps most of the picture's pixels and, among those, wastes least. */
export function bestSize(
  { height, width }: Pick<Pixels, 'height' | 'width'>,
  sizes: readonly HeightWidth[],
): HeightWidth {
  let best = sizes[0] ?? [height, width];
  let [mostKept, leastWasted] = [0, Infinity];
  for (const size of sizes) {
    const [h, w] = size;
    const scale = Math.min(w / width, h / height);
    const kept = Math.min(Math.trunc(width * scale) * Math.trunc(height * scale), width * height);
    const wasted = w * h - kept;
    if (kept > mostKept || (kept === mostKept && wasted < leastWasted)) {
      [best, mostKept, leastWasted] = [size, kept, wasted];
    }
  }
  return best;
}

/** The part of the padded canvas that the enlarged picture fills. */
export function placeOn([height, width]: HeightWidth, picture: Pick<Pixels, 'height' | 'width'>): Rectangle {
  const [byWidth, byHeight] = [width / picture.width, height / picture.height];
  const [w, h] =
    byWidth < byHeight
      ? [width, Math.min(Math.ceil(picture.height * byWidth), height)]
      : [Math.min(Math.ceil(picture.width * byHeight), width), height];
  return { x: Math.floor((width - w) / 2), y: Math.floor((height - h) / 2), width: w, height: h };
}

/** The tiles, line by line. */
export function anyresTiles(picture: Pixels, size: HeightWidth, edge: number, filter: Filter): readonly Pixels[] {
  const [height, width] = size;
  const place = placeOn(size, picture);
  const enlarged = resize(picture, place.width, place.height, filter);
  const canvas = crop(enlarged, { x: -place.x, y: -place.y, width, height });
  const tiles: Pixels[] = [];
  for (let y = 0; y < height; y += edge) {
    for (let x = 0; x < width; x += edge) tiles.push(crop(canvas, { x, y, width: edge, height: edge }));
  }
  return tiles;
}

export interface CellRange {
  readonly firstRow: number;
  readonly rows: number;
  readonly firstColumn: number;
  readonly columns: number;
}

/** The cells of a map of rows x columns that are not padding. */
export function unpadded(picture: Pick<Pixels, 'height' | 'width'>, rows: number, columns: number): CellRange {
  // As transformers rounds: a difference below 1e-7 of a cell is none.
  const cells = (exact: number): number => Math.trunc(Math.round(exact * 1e7) / 1e7);
  if (picture.width / picture.height > columns / rows) {
    const cut = Math.floor((rows - cells(picture.height * (columns / picture.width))) / 2);
    return { firstRow: cut, rows: rows - 2 * cut, firstColumn: 0, columns };
  }
  const cut = Math.floor((columns - cells(picture.width * (rows / picture.height))) / 2);
  return { firstRow: 0, rows, firstColumn: cut, columns: columns - 2 * cut };
}
