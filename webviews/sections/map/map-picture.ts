/** A matrix: rows down, columns across. Its labels are drawn where they fit; else some places are named, or counted. */
import type { MapAxis, MapSection } from '../../../protocol/sections/map';
import { textWidth } from '../../charts/text-width';
import { significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { shownToken } from '../../../protocol/wire/token-name';
import { domainOf, noValueColour, type Domain } from '../colours';
import { gridKey, moveInGrid, parseGridKey } from '../grid-keys';
import { fitted, flow, noValueItem, scaleItem, smallSize, textMark } from '../legend';
import type { Drawn, Picture } from '../picture';
import { moved, type Box, type Mark } from '../scene';
import { shortened, valueWords } from '../words';
import { pixelsOf, pooled } from './map-pixels';

export function mapPicture(section: MapSection): Picture {
  const { values, rows, columns, unit, scale, definition } = section;
  const across = widest(section);
  const counts = values.map(() => across);
  const domain = domainOf(
    scale,
    (function* () {
      for (const row of values) yield* row;
    })(),
  );
  return {
    label: `${section.title}: ${rows.title} down (${values.length}), ${columns.title} across (${across}), ${significant(domain.low)} to ${significant(domain.high)} ${unit}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme) => drawMap(section, domain, across, width, theme),
    first: () => (across === 0 || values.length === 0 ? undefined : '0.0'),
    move: (cursor, key) => {
      const at = parseGridKey(cursor);
      const to = at && moveInGrid(at, key, counts, Math.max(1, Math.round(values.length / 10)));
      return to && gridKey(to);
    },
    words: (cursor) => {
      const at = parseGridKey(cursor);
      if (!at || values[at.row] === undefined || at.column >= across) return undefined;
      return {
        title: `${rows.title} ${placeOn(rows, at.row)}, ${columns.title} ${placeOn(columns, at.column)}`,
        value: valueWords(values[at.row]?.[at.column] ?? Number.NaN, unit, scale.kind === 'diverging'),
        definition,
      };
    },
  };
}

export const widest = ({ values }: MapSection): number => values.reduce((most, row) => Math.max(most, row.length), 0);

/** Marks for spaces and line ends are for tokens; a label that names its place is in words. */
export const labelText = ({ named }: MapAxis, label: string): string => (named ? label : shownToken(label));

function placeOn(axis: MapAxis, at: number): string {
  const { labels, named } = axis;
  const label = labels[at];
  if (label === undefined || label === '') return String(at);
  return `${named ? '' : `${at} `}${shortened(labelText(axis, label), 40)}`;
}

/** What stands at a place where not all labels fit: beside a token its position, since the places between are left out. */
const tickOn = (axis: MapAxis, at: number): string => {
  const { labels, named } = axis;
  const label = labels[at];
  if (label === undefined || label === '') return String(at);
  return `${named ? '' : `${at} `}${shortened(labelText(axis, label), 24)}`;
};

const tallest = 520;

function drawMap(section: MapSection, domain: Domain, across: number, width: number, theme: Theme): Drawn {
  const { values, rows, columns } = section;
  const size = smallSize(theme);
  const down = values.length;
  const labelRoom = Math.min(width * 0.28, 110);
  const face = { font: theme.editorFont };
  const widestOf = (axis: MapAxis): number =>
    axis.labels
      .slice(0, 200)
      .reduce((most, label) => Math.max(most, textWidth(shortened(labelText(axis, label), 24), size, face)), 0);
  const roughCell = Math.min(26, (width - 40) / Math.max(1, across), tallest / Math.max(1, down));
  const readable = roughCell >= size - 1 && rows.labels.length > 0;
  const ticksWidth = (axis: MapAxis, count: number): number =>
    Array.from({ length: count }, (_, at) => textWidth(tickOn(axis, at), size, { font: theme.font })).reduce(
      (a, b) => Math.max(a, b),
      0,
    );
  const left = 18 + Math.ceil(Math.min(labelRoom, readable ? widestOf(rows) : ticksWidth(rows, down))) + 6;
  const cellWidth = Math.min(26, (width - left) / Math.max(1, across));
  const cellHeight =
    down === across ? Math.min(cellWidth, tallest / Math.max(1, down)) : Math.min(26, tallest / Math.max(1, down));
  const square = down === across ? Math.min(cellWidth, cellHeight) : cellWidth;
  const named = square >= size - 1 && columns.labels.length > 0;
  const turned = columns.labels.length > 0;
  const labelsHeight = turned
    ? Math.min(96, named ? widestOf(columns) : ticksWidth(columns, across)) * 0.95 + 6
    : size + 4;
  const top = size + 6 + labelsHeight;
  const [plotWidth, plotHeight] = [square * across, cellHeight * down];
  const ratio = 2;
  const raster = pooled(values, across, plotHeight * ratio, plotWidth * ratio);
  const legend = flow(
    [scaleItem(domain, section.unit, theme), ...(raster.values.some(Number.isNaN) ? [noValueItem(theme)] : [])],
    width,
  );
  const legendTop = top + plotHeight + 10;
  const marks: Mark[] = [
    textMark(`${fitted(columns.title, width - left - 20, size, theme.font)} →`, left, size, theme),
    textMark(fitted(rows.title, plotHeight, size, theme.font), 11, top + plotHeight / 2, theme, {
      turn: -90,
      anchor: 'middle',
    }),
    {
      kind: 'pixels',
      x: left,
      y: top,
      width: plotWidth,
      height: plotHeight,
      columns: raster.columns,
      rows: raster.rows,
      rgba: pixelsOf(raster, domain, theme.dark, noValueColour(theme)),
    },
    { kind: 'rect', x: left, y: top, width: plotWidth, height: plotHeight, stroke: theme.line, lineWidth: 1 },
    ...rowLabels(section, readable && cellHeight >= size - 1, { left, top, cell: cellHeight, room: left - 24 }, theme),
    ...columnLabels(
      section,
      named,
      across,
      { left, top, cell: square, room: turned ? labelsHeight : ticksWidth(columns, across) },
      theme,
    ),
    ...legend.marks.map((mark) => moved(mark, 0, legendTop)),
  ];
  const box = (row: number, column: number): Box => ({
    x: left + column * square,
    y: top + row * cellHeight,
    width: square,
    height: cellHeight,
  });
  return {
    width,
    height: legendTop + legend.height,
    marks,
    hit: (x, y) => {
      const [row, column] = [Math.floor((y - top) / cellHeight), Math.floor((x - left) / square)];
      return row >= 0 && row < down && column >= 0 && column < across ? gridKey({ row, column }) : undefined;
    },
    box: (cursor) => {
      const at = parseGridKey(cursor);
      return at && at.row < down && at.column < across ? box(at.row, at.column) : undefined;
    },
  };
}

interface Labelled {
  readonly left: number;
  readonly top: number;
  readonly cell: number;
  readonly room: number;
}

function rowLabels({ values, rows }: MapSection, written: boolean, at: Labelled, theme: Theme): Mark[] {
  const size = smallSize(theme);
  const place = (row: number): { readonly x: number; readonly y: number } => ({
    x: at.left - 5,
    y: at.top + (row + 0.5) * at.cell + size * 0.36,
  });
  if (written) {
    return rows.labels.slice(0, values.length).map((label, row) => {
      const { x, y } = place(row);
      const text = fitted(labelText(rows, label), at.room, size, theme.editorFont);
      return textMark(text, x, y, theme, { anchor: 'end', font: theme.editorFont, fill: theme.foreground });
    });
  }
  return counted(values.length, at.cell, size + 6).map((row) => {
    const { x, y } = place(row);
    return textMark(fitted(tickOn(rows, row), at.room, size, theme.font), x, y, theme, { anchor: 'end' });
  });
}

function columnLabels({ columns }: MapSection, written: boolean, across: number, at: Labelled, theme: Theme): Mark[] {
  const size = smallSize(theme);
  const turned = (text: string, column: number): Mark => {
    const x = at.left + (column + 0.5) * at.cell + size * 0.36;
    const words = fitted(text, at.room, size, theme.editorFont);
    return textMark(words, x, at.top - 4, theme, { turn: -90, font: theme.editorFont, fill: theme.foreground });
  };
  if (written) {
    return columns.labels.slice(0, across).map((label, column) => turned(labelText(columns, label), column));
  }
  if (columns.labels.length > 0) {
    return counted(across, at.cell, size + 6).map((column) => turned(tickOn(columns, column), column));
  }
  return counted(across, at.cell, at.room + 8).map((column) =>
    textMark(tickOn(columns, column), at.left + (column + 0.5) * at.cell, at.top - 4, theme, { anchor: 'middle' }),
  );
}

/** Places that are numbered: evenly, in steps of 1, 2 or 5 times a power of ten. */
function counted(count: number, cell: number, room: number): number[] {
  const least = Math.max(1, room / cell);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= least) ?? count;
  return Array.from({ length: Math.ceil(count / step) }, (_, at) => Math.round(at * step)).filter((at) => at < count);
}
