/** What stands on and around the matrix of a head: axes with tokens, marginals, the blank of later keys, the cross hairs. */
import type { Theme } from '../../ui/theme';
import { shownToken } from '../../../protocol/wire/token-name';
import type { LoadedTile } from '../../charts/tiles';
import type { CellPlace, MatrixPlace, PlotSize } from './matrix-place';
import { wholeMatrix, type TileSource } from './tile-source';

export interface MatrixSurroundings {
  readonly context: CanvasRenderingContext2D;
  readonly theme: Theme;
  /** Without the axes. */
  readonly plot: PlotSize;
  readonly at: MatrixPlace;
  readonly query: number | undefined;
  readonly hovered: CellPlace | undefined;
}

/** CSS pixels that the axes take. */
export const axis = { left: 74, top: 74, right: 26, marginal: 22 };

/** Keys after the query: not computed, so not drawn as if they were zero. */
export function drawMask({ context, theme, plot: { width, height }, at }: MatrixSurroundings): void {
  context.fillStyle = theme.background;
  const x = (column: number): number => axis.left + (column - at.column) * at.cell;
  const y = (row: number): number => axis.top + (row - at.row) * at.cell;
  context.beginPath();
  const first = Math.floor(at.row);
  const last = Math.ceil(at.row + height / at.cell);
  context.moveTo(x(first + 1), axis.top);
  if (at.cell >= 2) {
    for (let row = first; row <= last; row += 1) {
      context.lineTo(x(row + 1), y(row));
      context.lineTo(x(row + 1), y(row + 1));
    }
  } else {
    context.lineTo(x(first + 1), y(first));
    context.lineTo(x(last + 1), y(last));
  }
  context.lineTo(Math.max(x(last + 1), axis.left + width + 2), y(last + 1));
  context.lineTo(axis.left + width + 2, axis.top);
  context.closePath();
  context.fill();
}

/** `rows` and `columns`: the first positions below and right of the plot. */
export function drawAxes(
  { context, theme, plot: { width, height }, at, query, hovered }: MatrixSurroundings,
  tokens: readonly string[],
  rows: number,
  columns: number,
): void {
  const size = theme.fontSize - 2;
  context.font = `${size}px ${theme.editorFont}`;
  context.textBaseline = 'middle';
  // Where not every token fits, those that do stand behind their positions.
  const every = at.cell >= 11;
  const step = every ? 1 : niceStep(22 / at.cell);
  const label = (position: number, letters: number): string => {
    const token = shownToken(tokens[position] ?? '');
    return clipped(every ? token : `${position} ${token}`, letters);
  };
  for (let row = Math.ceil(at.row / step) * step; row < rows; row += step) {
    const y = axis.top + (row + 0.5 - at.row) * at.cell;
    if (y < axis.top || y > axis.top + height) continue;
    context.textAlign = 'right';
    context.fillStyle = row === query || row === hovered?.query ? theme.foreground : theme.muted;
    context.fillText(label(row, 9), axis.left - 5, y);
  }
  for (let key = Math.ceil(at.column / step) * step; key < columns; key += step) {
    const x = axis.left + (key + 0.5 - at.column) * at.cell;
    if (x < axis.left || x > axis.left + width) continue;
    context.fillStyle = key === hovered?.key ? theme.foreground : theme.muted;
    context.save();
    context.translate(x, axis.top - axis.marginal - 5);
    context.rotate(-Math.PI / 3);
    context.textAlign = 'left';
    context.fillText(label(key, every ? 6 : 7), 0, 0);
    context.restore();
  }
  context.font = `${size}px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textAlign = 'left';
  context.fillText('key →', axis.left, 7);
  context.save();
  context.translate(7, axis.top + 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = 'right';
  context.fillText('← query', 0, 0);
  context.restore();
}

/** Above: mean over all queries of the mass on each key. Right: entropy of each query over ln(T). */
export function drawMarginals(
  { context, theme, plot: { width, height }, at }: MatrixSurroundings,
  source: TileSource,
  marginal: readonly number[] | undefined,
  hideSink: boolean,
): void {
  const whole = wholeMatrix(source);
  const keys = whole ? columnMeans(whole) : marginal;
  context.fillStyle = theme.muted;
  if (keys) {
    const block = whole ? 1 : source.length / keys.length;
    const most = Math.max(...keys.slice(hideSink ? 1 : 0));
    keys.forEach((value, index) => {
      const x0 = Math.max(axis.left, axis.left + (index * block - at.column) * at.cell);
      const x1 = Math.min(axis.left + width, axis.left + ((index + 1) * block - at.column) * at.cell);
      const tall = Math.min(1, value / Math.max(1e-9, most)) * (axis.marginal - 5);
      if (x1 > x0 && !(hideSink && index === 0))
        context.fillRect(x0, axis.top - 3 - tall, Math.max(0.5, x1 - x0 - (x1 - x0 > 3 ? 1 : 0)), tall);
    });
  }
  if (!whole) return;
  const most = Math.log(source.length);
  const right = axis.left + Math.min(width, (source.length - at.column) * at.cell) + 3;
  for (let row = Math.floor(at.row); row < source.length; row += 1) {
    const y = axis.top + (row - at.row) * at.cell;
    if (y + at.cell < axis.top || y > axis.top + height) continue;
    context.fillRect(
      right,
      y,
      (entropyOfRow(whole, row) / Math.max(1e-9, most)) * (axis.right - 5),
      Math.max(0.5, at.cell - (at.cell > 3 ? 1 : 0)),
    );
  }
}

export function drawCross({
  context,
  theme,
  plot: { width, height },
  at,
  query: chosen,
  hovered,
}: MatrixSurroundings): void {
  const frame = (query: number | undefined, key: number | undefined, colour: string): void => {
    context.strokeStyle = colour;
    context.lineWidth = 1;
    const side = Math.max(1, at.cell);
    if (query !== undefined) {
      const y = axis.top + (query - at.row) * at.cell;
      if (y >= axis.top - 1 && y <= axis.top + height) context.strokeRect(axis.left - 0.5, y - 0.5, width, side);
    }
    if (key !== undefined) {
      const x = axis.left + (key - at.column) * at.cell;
      if (x >= axis.left - 1 && x <= axis.left + width) context.strokeRect(x - 0.5, axis.top - 0.5, side, height);
    }
  };
  frame(chosen, undefined, theme.focus);
  frame(hovered?.query, hovered?.key, theme.foreground);
}

const clipped = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The least power of two that is not below. */
const niceStep = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, least)));

/** Mean over all queries of the mass on each key. */
function columnMeans({ data, outRows, outColumns }: LoadedTile): number[] {
  const sums = new Array<number>(outColumns).fill(0);
  for (let at = 0; at < data.length; at += 1) {
    const column = at % outColumns;
    sums[column] = (sums[column] ?? 0) + (data[at] ?? 0) / outRows;
  }
  return sums;
}

/** In nats. */
function entropyOfRow({ data, outColumns }: LoadedTile, row: number): number {
  let sum = 0;
  for (let column = 0; column < outColumns; column += 1) {
    const p = data[row * outColumns + column] ?? 0;
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}
