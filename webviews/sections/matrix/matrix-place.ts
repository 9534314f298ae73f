/** Which part of a matrix is looked at, and how that is moved. Pure. */
import type { PicturePlace } from '../picture';
import type { Box } from '../scene';

/** The whole matrix as it fits. */
export interface MatrixFit {
  readonly down: number;
  readonly across: number;
  /** CSS pixels of a cell and of the plot. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly width: number;
  readonly height: number;
}

/** The part of the matrix on screen. */
export interface MatrixWindow {
  /** The box of the plot, in CSS pixels. */
  readonly plot: Box;
  /** Cells at the left and upper edge of the plot, and how much larger than in the whole picture they are drawn; from 1 on. */
  readonly place: PicturePlace;
  /** CSS pixels of a cell as it is drawn. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Cells that are seen, also in part: [from, to). */
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

export const whole: PicturePlace = { column: 0, row: 0, zoom: 1 };

/** CSS pixels: no cell is drawn larger, so that one of them with its words fills a good part of the plot. */
const largestCell = 120;

/** What lies under `point`, of the plot, stays there. */
export function zoomed(
  { column, row, zoom: before }: PicturePlace,
  factor: number,
  point: { readonly x: number; readonly y: number },
  fit: MatrixFit,
): PicturePlace {
  const most = Math.max(1, largestCell / Math.min(fit.cellWidth, fit.cellHeight));
  const zoom = Math.min(most, Math.max(1, before * factor));
  const moved = (cell: number, at: number): number => at / (cell * before) - at / (cell * zoom);
  return clamped(
    { zoom, column: column + moved(fit.cellWidth, point.x), row: row + moved(fit.cellHeight, point.y) },
    fit,
  );
}

export const panned = ({ column, row, zoom }: PicturePlace, dx: number, dy: number, fit: MatrixFit): PicturePlace =>
  clamped({ zoom, column: column + dx / (fit.cellWidth * zoom), row: row + dy / (fit.cellHeight * zoom) }, fit);

/** Nothing beyond the matrix is looked at. */
export function clamped({ column, row, zoom }: PicturePlace, fit: MatrixFit): PicturePlace {
  const inside = (value: number, count: number): number => Math.max(0, Math.min(value, count - count / zoom));
  return { zoom, column: inside(column, fit.across), row: inside(row, fit.down) };
}

/** Moved as far as the cell needs to be seen whole. */
export function showing(
  { column, row, zoom }: PicturePlace,
  cell: { readonly row: number; readonly column: number },
  fit: MatrixFit,
): PicturePlace {
  const from = (first: number, at: number, span: number): number =>
    at < first ? at : Math.max(first, at + 1 - span / zoom);
  return { zoom, column: from(column, cell.column, fit.across), row: from(row, cell.row, fit.down) };
}
