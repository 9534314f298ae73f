/** What is hidden at a time: squares of patches of a picture, or runs of tokens of a text. */
import { regionOf, regionText, type Region } from '../../../protocol/interventions/regions';
import type { ImageSpan, ImageTile } from '../../../protocol/schema/parts';
import { refusal } from '../../../protocol/wire/failures';
import type { Prompt } from '../../model-runner/model-runner';
import { imageRows, regionRows } from '../../model-runner/regions';

/** The picture of a prompt, or what stands in its place. */
export interface Seen {
  /** Rows of the sequence; of a picture in the order of its image tokens. */
  readonly rows: readonly number[];
  /** As it is written; absent: the picture. */
  readonly region?: string;
}

/** The smallest side is taken with which there are no more. */
const mostSquares = 100;

export function seenOf(prompt: Prompt, span: string): Seen {
  const written = span.trim();
  if (written === '') {
    if (prompt.image) return { rows: imageRows(prompt) };
    const end = 1 + (prompt.ids.length >> 1);
    if (prompt.ids.length < 3) throw refusal('The prompt has less than three tokens. Write more, or add a picture.');
    return namedRows(prompt, [{ start: 1, end }]);
  }
  return namedRows(prompt, spanOf(written));
}

export function spanOf(written: string): Region {
  const region = regionOf(written.trim());
  if (region) return region;
  throw refusal(`"${written.slice(0, 60)}" is no span. Write positions as 3-9, or patches as 0-3x2-5.`);
}

export function namedRows(prompt: Prompt, region: Region): Required<Seen> {
  const read = regionRows(prompt, [region]);
  if (!read.ok) throw refusal(read.why);
  return { rows: read.value[0] ?? [], region: regionText(region) };
}

export interface Squares {
  readonly side: number;
  /** Places among the rows that are seen; a row of no square is hidden with the whole alone. */
  readonly places: readonly (readonly number[])[];
}

export function squaresOf({ image }: Prompt, { rows, region }: Seen, wanted: number): Squares {
  const [tile] = image?.tiles ?? [];
  if (image && tile && region === undefined) {
    const side = wanted || smallest((size) => Math.ceil(tile.rows / size) * Math.ceil(tile.columns / size));
    return { side, places: pictureSquares(image, tile, side) };
  }
  const side = wanted || smallest((size) => Math.ceil(rows.length / size));
  return {
    side,
    places: Array.from({ length: Math.ceil(rows.length / side) }, (_, square) =>
      [...rows.keys()].slice(square * side, (square + 1) * side),
    ),
  };
}

function smallest(count: (side: number) => number): number {
  let side = 1;
  while (count(side) > mostSquares) side += 1;
  return side;
}

/**
 * Squares of patches of the whole picture, row by row. A token of another tile belongs to the square in which the middle of its patch
 * lies; a newline token to none.
 */
function pictureSquares({ tiles }: ImageSpan, whole: ImageTile, side: number): readonly (readonly number[])[] {
  const across = Math.ceil(whole.columns / side);
  const squares: number[][] = Array.from({ length: Math.ceil(whole.rows / side) * across }, () => []);
  for (const tile of tiles) {
    for (let row = 0; row < tile.rows; row++) {
      for (let column = 0; column < tile.columns; column++) {
        const y = tile.y + ((row + 0.5) * tile.height) / tile.rows;
        const x = tile.x + ((column + 0.5) * tile.width) / tile.columns;
        const down = patchAt((y - whole.y) / whole.height, whole.rows);
        const right = patchAt((x - whole.x) / whole.width, whole.columns);
        squares[Math.floor(down / side) * across + Math.floor(right / side)]?.push(
          tile.first + row * tile.stride + column,
        );
      }
    }
  }
  return squares;
}

const patchAt = (share: number, count: number): number => Math.min(count - 1, Math.max(0, Math.floor(share * count)));

/** The mean of a map over the rows of each square. */
export const bySquare = (map: readonly number[], { places }: Squares): readonly number[] =>
  places.map((own) => own.reduce((sum, place) => sum + (map[place] ?? Number.NaN), 0) / own.length);

/** The number of each row's square; NaN for rows of none. */
export function byRow(values: readonly number[], places: readonly (readonly number[])[], rows: number): number[] {
  const found = new Array<number>(rows).fill(Number.NaN);
  places.forEach((own, square) => {
    for (const place of own) found[place] = values[square] ?? Number.NaN;
  });
  return found;
}
