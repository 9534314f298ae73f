/** Where the matrix of a head is looked at: cells, the part of it on screen, and how that is moved. Pure. */

export interface CellPlace {
  readonly query: number;
  readonly key: number;
}

/** Cells at the left and upper edge of the plot, and CSS pixels a cell. */
export interface MatrixPlace {
  readonly column: number;
  readonly row: number;
  readonly cell: number;
}

/** Of the plot, in CSS pixels. */
export interface PlotSize {
  readonly width: number;
  readonly height: number;
}

/** CSS pixels: no cell is drawn larger. */
const largestCell = 48;

/** What lies under `point` stays there. */
export function zoomed(
  { column, row, cell: before }: MatrixPlace,
  factor: number,
  point: { readonly x: number; readonly y: number },
  { width, height }: PlotSize,
  length: number,
): MatrixPlace {
  const cell = Math.min(largestCell, Math.max(Math.min(width, height) / length, before * factor));
  return {
    cell,
    column: column + point.x / before - point.x / cell,
    row: row + point.y / before - point.y / cell,
  };
}

export const panned = ({ column, row, cell }: MatrixPlace, dx: number, dy: number): MatrixPlace => ({
  cell,
  column: column + dx / cell,
  row: row + dy / cell,
});

/** Inside the matrix of `length` x `length` cells. */
export function clamped({ column, row, cell }: MatrixPlace, { width, height }: PlotSize, length: number): MatrixPlace {
  const inside = (value: number, span: number): number => Math.max(0, Math.min(value, length - span / cell));
  return { cell, column: inside(column, width), row: inside(row, height) };
}

/** Moved as far as the cell needs to be seen whole. */
export function showing(
  { column, row, cell }: MatrixPlace,
  { query, key }: CellPlace,
  { width, height }: PlotSize,
): MatrixPlace {
  const from = (first: number, at: number, span: number): number =>
    at < first ? at : Math.max(first, at + 1 - span / cell);
  return { cell, column: from(column, key, width), row: from(row, query, height) };
}
