/**
 * The tokens of the text for one image: cells of the encoder's tiles, newline rows between lines of a joined map, and text
 * that separates tiles; in the order of transformers 4.57 (`LlavaNextForConditionalGeneration.pack_image_features`,
 * `Idefics3Processor`).
 */
import type { ImageLayout } from '../architectures/vision-tower';
import { placeOn, unpadded } from './anyres';
import type { Rectangle } from './pixels';
import type { ProcessedPicture } from './process';

type Piece =
  | { readonly kind: 'cell'; readonly tile: number; readonly cell: number }
  | { readonly kind: 'newline' }
  | { readonly kind: 'text'; readonly text: string };

interface LaidTile extends Rectangle {
  readonly rows: number;
  readonly columns: number;
  /** Counted among cells and newlines. */
  readonly first: number;
  readonly stride: number;
}

export interface TokenLayout {
  readonly pieces: readonly Piece[];
  /** The whole picture first. */
  readonly tiles: readonly LaidTile[];
}

/** Cells of one tile as the language model gets them, and the share of the tile's height and width that they cover. */
export interface TileCells {
  /** Rows of features that are no cell, in front of the cells (a class row that is kept). */
  readonly leading: number;
  readonly rows: number;
  readonly columns: number;
  readonly coverage: { readonly height: number; readonly width: number };
}

export function tokenLayout(
  picture: { readonly width: number; readonly height: number },
  processed: ProcessedPicture,
  layout: ImageLayout,
  cells: TileCells,
): TokenLayout {
  const { rows, columns, leading, coverage } = cells;
  const all = (tile: number): Piece[] =>
    Array.from({ length: leading + rows * columns }, (_, cell) => ({ kind: 'cell', tile, cell }));
  const covered = (part: Rectangle): Rectangle => ({
    ...part,
    width: part.width * coverage.width,
    height: part.height * coverage.height,
  });
  const grid = { rows, columns, stride: columns };
  const whole = { ...covered(processed.shown), ...grid };
  switch (layout.kind) {
    case 'single':
      return { pieces: all(0), tiles: [{ ...whole, first: leading }] };
    case 'splits':
      return splitLayout(picture, processed, all, covered, grid);
    case 'anyres':
      return anyresLayout(picture, processed, cells, all(0), { ...whole, first: leading });
  }
}

/** The part of the picture that one tile shows, in pixels of the picture; it may reach into padding. */
export function tileRegion(
  picture: { readonly width: number; readonly height: number },
  processed: ProcessedPicture,
  tile: number,
): Rectangle {
  const { splits, canvas, height, width } = processed;
  if (canvas && tile > 0) {
    const across = canvas[1] / width;
    const place = placeOn(canvas, picture);
    const [down, right] = [picture.height / place.height, picture.width / place.width];
    const [line, column] = [Math.floor((tile - 1) / across), (tile - 1) % across];
    return {
      x: (column * width - place.x) * right,
      y: (line * height - place.y) * down,
      width: width * right,
      height: height * down,
    };
  }
  if (splits && tile < splits.rows * splits.columns) {
    const [w, h] = [picture.width / splits.columns, picture.height / splits.rows];
    return { x: (tile % splits.columns) * w, y: Math.floor(tile / splits.columns) * h, width: w, height: h };
  }
  return processed.shown;
}

function splitLayout(
  picture: { readonly width: number; readonly height: number },
  processed: ProcessedPicture,
  all: (tile: number) => Piece[],
  covered: (part: Rectangle) => Rectangle,
  grid: Pick<LaidTile, 'rows' | 'columns' | 'stride'>,
): TokenLayout {
  const text = (written: string): Piece => ({ kind: 'text', text: written });
  const fake = '<fake_token_around_image>';
  const { rows: lines, columns: across } = processed.splits ?? { rows: 0, columns: 0 };
  const perTile = grid.rows * grid.columns;
  const pieces: Piece[] = [];
  const tiles: LaidTile[] = [];
  for (let line = 0; line < lines; line++) {
    for (let column = 0; column < across; column++) {
      const tile = line * across + column;
      pieces.push(text(`${fake}<row_${line + 1}_col_${column + 1}>`), ...all(tile));
      tiles.push({
        ...covered(tileRegion(picture, processed, tile)),
        ...grid,
        first: tile * perTile,
      });
    }
    pieces.push(text('\n'));
  }
  const last = lines * across;
  pieces.push(text(`${lines > 0 ? '\n' : ''}${fake}<global-img>`), ...all(last), text(fake));
  return {
    pieces: joined(pieces),
    tiles: [{ ...covered(processed.shown), ...grid, first: last * perTile }, ...tiles],
  };
}

/** Neighbouring text is tokenised as one. */
function joined(pieces: readonly Piece[]): readonly Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const before = out.at(-1);
    if (piece.kind === 'text' && before?.kind === 'text')
      out[out.length - 1] = { kind: 'text', text: before.text + piece.text };
    else out.push(piece);
  }
  return out;
}

function anyresLayout(
  picture: { readonly width: number; readonly height: number },
  processed: ProcessedPicture,
  { rows, columns, leading, coverage }: TileCells,
  base: readonly Piece[],
  whole: LaidTile,
): TokenLayout {
  const canvas = processed.canvas ?? [processed.height, processed.width];
  const [lines, across] = [canvas[0] / processed.height, canvas[1] / processed.width];
  const kept = unpadded(picture, lines * rows, across * columns);
  const pieces = [...base];
  for (let row = kept.firstRow; row < kept.firstRow + kept.rows; row++) {
    for (let column = kept.firstColumn; column < kept.firstColumn + kept.columns; column++) {
      const tile = 1 + Math.floor(row / rows) * across + Math.floor(column / columns);
      pieces.push({ kind: 'cell', tile, cell: leading + (row % rows) * columns + (column % columns) });
    }
    pieces.push({ kind: 'newline' });
  }
  // From cells of the canvas to pixels of the picture, which fills `place` of the canvas.
  const place = placeOn(canvas, picture);
  const cellHeight = (processed.height * coverage.height) / rows;
  const cellWidth = (processed.width * coverage.width) / columns;
  const [down, right] = [picture.height / place.height, picture.width / place.width];
  const joinedMap: LaidTile = {
    x: (kept.firstColumn * cellWidth - place.x) * right,
    y: (kept.firstRow * cellHeight - place.y) * down,
    width: kept.columns * cellWidth * right,
    height: kept.rows * cellHeight * down,
    rows: kept.rows,
    columns: kept.columns,
    first: base.length,
    stride: kept.columns + 1,
  };
  // A strip that is thinner than a cell leaves no cell, in transformers too.
  return { pieces, tiles: kept.rows * kept.columns === 0 ? [whole] : [whole, joinedMap] };
}
