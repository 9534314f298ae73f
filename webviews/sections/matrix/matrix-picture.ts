/**
 * A matrix, rows down and columns across, zoomed and moved like a map: the one drawing of maps and of the attention of a head.
 * Its labels are drawn where they fit; else some places are named, or counted.
 */
import type { MapAxis } from '../../../protocol/sections/map';
import { significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import type { Domain } from '../colours';
import { gridKey, moveInGrid, parseGridKey, type GridPlace } from '../grid-keys';
import { fitted, flow, noValueItem, scaleItem, smallSize, textMark, wordsItem } from '../legend';
import type { CellWords, Drawn, Picture, PicturePlace } from '../picture';
import { moved, type Box, type Mark } from '../scene';
import { columnLabels, rowLabels, ticksWidth, widestOf } from './matrix-labels';
import { clamped, panned, showing, whole, zoomed, type MatrixFit, type MatrixWindow } from './matrix-place';

/** What is drawn: numbers that are at hand, or that come. */
export interface Matrix {
  readonly title: string;
  readonly unit: string;
  readonly rows: MapAxis;
  readonly columns: MapAxis;
  readonly down: number;
  readonly across: number;
  /** Cells of a row that can be walked to; all of them where it is left out. */
  readonly columnsOf?: (row: number) => number;
  /** CSS pixels of a cell at most, while the whole matrix is seen. */
  readonly mostCell: number;
  readonly domain: () => Domain;
  /** The cells of the window; what lies beyond the plot is cut off. */
  readonly cells: (window: MatrixWindow, theme: Theme) => readonly Mark[];
  /** Whether a cell has no number. */
  readonly misses?: () => boolean;
  /** Bars beside the plot: a share of the room for each block of columns, above, and for each row, to the right. */
  readonly marginals?: () => {
    readonly above?: readonly number[] | undefined;
    readonly right?: readonly number[] | undefined;
  };
  /** Framed as a whole. */
  readonly chosenRows?: readonly number[];
  readonly notes?: readonly string[];
  readonly words: (at: GridPlace) => CellWords;
  readonly first?: () => GridPlace;
  readonly onChange?: Picture['onChange'];
  readonly want?: (at: GridPlace) => void;
}

const tallest = 520;
/** CSS pixels of the bars above and to the right, with their distance. */
const above = 22;
const right = 26;

interface Fit extends MatrixFit {
  readonly left: number;
  readonly top: number;
  readonly labelsHeight: number;
  /** At which every row or column has its label. */
  readonly named: number;
}

export function matrixPicture(matrix: Matrix): Picture {
  const { down, across, title, rows, columns, unit } = matrix;
  const every = (row: number): number => matrix.columnsOf?.(row) ?? across;
  let kept: { readonly width: number; readonly theme: Theme; readonly fit: Fit } | undefined;
  const fitAt = (width: number, theme: Theme): Fit => {
    if (kept?.width !== width || kept.theme !== theme) kept = { width, theme, fit: fitOf(matrix, width, theme) };
    return kept.fit;
  };
  const inFit = (move: (fit: Fit) => PicturePlace): PicturePlace | undefined => {
    if (!kept) return undefined;
    const place = move(kept.fit);
    return place.zoom > 1 ? place : undefined;
  };
  const isThere = (at: GridPlace | undefined): at is GridPlace =>
    at !== undefined && at.row < down && at.column < across;
  const domain = matrix.domain();
  return {
    label: `${title}: ${rows.title} down (${down}), ${columns.title} across (${across}), ${significant(domain.low)} to ${significant(domain.high)} ${unit}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme, place) => drawMatrix(matrix, fitAt(width, theme), place ?? whole, width, theme),
    movable: {
      zoomed: (place = whole, factor, point) =>
        inFit((fit) =>
          zoomed(
            place,
            factor,
            point ? { x: point.x - fit.left, y: point.y - fit.top } : { x: fit.width / 2, y: fit.height / 2 },
            fit,
          ),
        ),
      panned: (place = whole, dx, dy) => inFit((fit) => panned(place, dx, dy, fit)),
      showing: (place = whole, cursor) => {
        const at = parseGridKey(cursor);
        return inFit((fit) => (at ? clamped(showing(place, at, fit), fit) : place));
      },
    },
    first: () => (across === 0 || down === 0 ? undefined : gridKey(matrix.first?.() ?? { row: 0, column: 0 })),
    move: (cursor, key) => {
      const at = parseGridKey(cursor);
      const counts = Array.from({ length: down }, (_, row) => every(row));
      const to = at && moveInGrid(at, key, counts, Math.max(1, Math.round(down / 10)));
      return to && gridKey(to);
    },
    words: (cursor) => {
      const at = parseGridKey(cursor);
      return isThere(at) ? matrix.words(at) : undefined;
    },
    ...(matrix.onChange ? { onChange: matrix.onChange } : {}),
    want: (cursor) => {
      const at = parseGridKey(cursor);
      if (isThere(at)) matrix.want?.(at);
    },
  };
}

function fitOf({ rows, columns, down, across, mostCell, marginals }: Matrix, width: number, theme: Theme): Fit {
  const size = smallSize(theme);
  const labelRoom = Math.min(width * 0.28, 110);
  const beside = marginals ? right : 0;
  const roughCell = Math.min(mostCell, (width - 40 - beside) / Math.max(1, across), tallest / Math.max(1, down));
  const readable = roughCell >= size - 1 && rows.labels.length > 0;
  const left =
    18 + Math.ceil(Math.min(labelRoom, readable ? widestOf(rows, theme) : ticksWidth(rows, down, theme))) + 6;
  const cellWidth = Math.min(mostCell, (width - left - beside) / Math.max(1, across));
  const squared = down === across ? Math.min(cellWidth, tallest / Math.max(1, down)) : cellWidth;
  const cellHeight = down === across ? squared : Math.min(mostCell, tallest / Math.max(1, down));
  const named = squared >= size - 1 && columns.labels.length > 0;
  const labelsHeight =
    columns.labels.length > 0
      ? Math.min(96, named ? widestOf(columns, theme) : ticksWidth(columns, across, theme)) * 0.95 + 6
      : size + 4;
  return {
    down,
    across,
    cellWidth: squared,
    cellHeight,
    width: squared * across,
    height: cellHeight * down,
    left,
    top: size + 6 + labelsHeight + (marginals ? above : 0),
    labelsHeight,
    named: size - 1,
  };
}

function windowOf(fit: Fit, place: PicturePlace): MatrixWindow {
  const { column, row, zoom } = clamped(place, fit);
  const seen = (first: number, count: number): readonly [number, number] => [
    Math.floor(first),
    Math.min(count, Math.ceil(first + count / zoom)),
  ];
  return {
    plot: { x: fit.left, y: fit.top, width: fit.width, height: fit.height },
    place: { column, row, zoom },
    cellWidth: fit.cellWidth * zoom,
    cellHeight: fit.cellHeight * zoom,
    rows: seen(row, fit.down),
    columns: seen(column, fit.across),
  };
}

export const cellBox = ({ plot, place, cellWidth, cellHeight }: MatrixWindow, row: number, column: number): Box => ({
  x: plot.x + (column - place.column) * cellWidth,
  y: plot.y + (row - place.row) * cellHeight,
  width: cellWidth,
  height: cellHeight,
});

function drawMatrix(matrix: Matrix, fit: Fit, place: PicturePlace, width: number, theme: Theme): Drawn {
  const size = smallSize(theme);
  const { rows, columns, down, across, unit } = matrix;
  const window = windowOf(fit, place);
  const { plot } = window;
  const clipped = (marks: readonly Mark[]): Mark => ({ kind: 'clipped', box: plot, marks });
  const domain = matrix.domain();
  const cells = matrix.cells(window, theme);
  const legend = flow(
    [
      scaleItem(domain, unit, theme),
      ...(matrix.misses?.() ? [noValueItem(theme)] : []),
      ...(matrix.notes ?? []).map((note) => wordsItem(note, theme)),
    ],
    width,
  );
  const legendTop = fit.top + fit.height + 10;
  const rowFrames = (matrix.chosenRows ?? []).map((row): Mark => {
    const { y, height } = cellBox(window, row, 0);
    return { kind: 'rect', x: plot.x, y, width: plot.width, height, stroke: theme.focus, lineWidth: 1 };
  });
  const title = fitted(columns.title, width - fit.left - 20, size, theme.font);
  const marks: Mark[] = [
    textMark(`${title} →`, fit.left, size, theme),
    textMark(fitted(rows.title, fit.height, size, theme.font), 11, fit.top + fit.height / 2, theme, {
      turn: -90,
      anchor: 'middle',
    }),
    // What has not come yet is no number: not a colour of the scale.
    { kind: 'rect', ...plot, fill: theme.hoverBackground },
    clipped(cells),
    { kind: 'rect', ...plot, stroke: theme.line, lineWidth: 1 },
    clipped(rowFrames),
    ...marginalMarks(matrix, window, theme),
    ...rowLabels(rows, window, rows.labels.length > 0 && window.cellHeight >= fit.named, theme),
    ...columnLabels(
      columns,
      window,
      {
        written: window.cellWidth >= fit.named,
        room: fit.labelsHeight,
        bottom: fit.top - (matrix.marginals ? above : 0),
      },
      theme,
    ),
    ...legend.marks.map((mark) => moved(mark, 0, legendTop)),
  ];
  const inside = ({ row, column }: GridPlace): boolean =>
    row + 1 > window.place.row &&
    row < window.rows[1] &&
    column + 1 > window.place.column &&
    column < window.columns[1];
  return {
    width,
    height: legendTop + legend.height,
    marks,
    hit: (x, y) => {
      if (x < plot.x || y < plot.y || x >= plot.x + plot.width || y >= plot.y + plot.height) return undefined;
      const row = Math.floor((y - plot.y) / window.cellHeight + window.place.row);
      const column = Math.floor((x - plot.x) / window.cellWidth + window.place.column);
      return row >= 0 && row < down && column >= 0 && column < across ? gridKey({ row, column }) : undefined;
    },
    box: (cursor) => {
      const at = parseGridKey(cursor);
      return at && inside(at) ? cellBox(window, at.row, at.column) : undefined;
    },
    over: (cursor, kind) => {
      const at = parseGridKey(cursor);
      return at ? [clipped(crossed(window, at, kind, theme))] : [];
    },
    bands: ({ row, column }) => {
      const line = { kind: 'rect', stroke: theme.focus, lineWidth: 1.5, opacity: 0.8 } as const;
      const [first, under] = (row ?? [0, 0]).map((share) => share * down) as [number, number];
      const [left, behind] = (column ?? [0, 0]).map((share) => share * across) as [number, number];
      const [top, beside] = [cellBox(window, first, 0), cellBox(window, 0, left)];
      return [
        clipped([
          ...(row
            ? [{ ...line, x: plot.x, y: top.y, width: plot.width, height: (under - first) * window.cellHeight }]
            : []),
          ...(column
            ? [{ ...line, x: beside.x, y: plot.y, width: (behind - left) * window.cellWidth, height: plot.height }]
            : []),
        ]),
      ];
    },
  };
}

/** The row and the column of a cell, and the cell itself in two lines, so that it is seen on every colour of the scale. */
function crossed(window: MatrixWindow, at: GridPlace, kind: 'hover' | 'cursor', theme: Theme): readonly Mark[] {
  const { plot } = window;
  const cell = cellBox(window, at.row, at.column);
  const least = 3;
  const [wide, tall] = [Math.max(least, cell.width), Math.max(least, cell.height)];
  const [x, y] = [cell.x - (wide - cell.width) / 2, cell.y - (tall - cell.height) / 2];
  const line = { stroke: theme.foreground, lineWidth: 1, opacity: 0.7 };
  const around = { kind: 'rect', x: x - 1, y: y - 1, width: wide + 2, height: tall + 2 } as const;
  return [
    { kind: 'rect', x: plot.x, y, width: plot.width, height: tall, ...line },
    { kind: 'rect', x, y: plot.y, width: wide, height: plot.height, ...line },
    ...(kind === 'cursor'
      ? [
          { ...around, stroke: theme.background, lineWidth: 4 },
          { ...around, stroke: theme.focus, lineWidth: 2 },
        ]
      : [{ ...around, stroke: theme.foreground, lineWidth: 1 }]),
  ];
}

function marginalMarks(matrix: Matrix, window: MatrixWindow, theme: Theme): Mark[] {
  const { above: blocks, right: shares } = matrix.marginals?.() ?? {};
  const { plot, place, cellWidth, cellHeight } = window;
  const between = (long: number): number => Math.max(0.5, long - (long > 3 ? 1 : 0));
  const marks: Mark[] = [];
  const span = blocks ? matrix.across / blocks.length : 1;
  blocks?.forEach((share, at) => {
    const from = Math.max(plot.x, plot.x + (at * span - place.column) * cellWidth);
    const to = Math.min(plot.x + plot.width, plot.x + ((at + 1) * span - place.column) * cellWidth);
    const height = Math.min(1, share) * (above - 5);
    if (to > from && height > 0)
      marks.push({
        kind: 'rect',
        x: from,
        y: plot.y - 3 - height,
        width: between(to - from),
        height,
        fill: theme.muted,
      });
  });
  shares?.forEach((share, row) => {
    const from = Math.max(plot.y, plot.y + (row - place.row) * cellHeight);
    const to = Math.min(plot.y + plot.height, plot.y + (row + 1 - place.row) * cellHeight);
    const width = Math.min(1, share) * (right - 6);
    if (to > from && width > 0)
      marks.push({
        kind: 'rect',
        x: plot.x + plot.width + 3,
        y: from,
        width,
        height: between(to - from),
        fill: theme.muted,
      });
  });
  return marks;
}
