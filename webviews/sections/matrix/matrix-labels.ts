/** Labels along the axes of a matrix: all of them where they fit, else some with their positions. */
import type { MapAxis } from '../../../protocol/sections/map';
import { shownToken } from '../../../protocol/wire/token-name';
import { textWidth } from '../../charts/text-width';
import type { Theme } from '../../ui/theme';
import { fitted, smallSize, textMark } from '../legend';
import type { Mark } from '../scene';
import { shortened } from '../words';
import type { MatrixWindow } from './matrix-place';

/** Marks for spaces and line ends are for tokens; a label that names its place is in words. */
export const labelText = ({ named }: MapAxis, label: string): string => (named ? label : shownToken(label));

/** A place in words: beside a token its position. */
export function placeOn(axis: MapAxis, at: number, most = 40): string {
  const { labels, named } = axis;
  const label = labels[at];
  if (label === undefined || label === '') return String(at);
  return `${named ? '' : `${at} `}${shortened(labelText(axis, label), most)}`;
}

/** What stands at a place where not all labels fit. */
const tickOn = (axis: MapAxis, at: number): string => placeOn(axis, at, 24);

/** Labels whose width is looked at: an axis of thousands is not measured whole. */
const measured = 200;

export function widestOf(axis: MapAxis, theme: Theme): number {
  const size = smallSize(theme);
  const face = { font: theme.editorFont };
  return axis.labels
    .slice(0, measured)
    .reduce((most, label) => Math.max(most, textWidth(shortened(labelText(axis, label), 24), size, face)), 0);
}

export function ticksWidth(axis: MapAxis, count: number, theme: Theme): number {
  const size = smallSize(theme);
  const step = Math.max(1, Math.floor(count / measured));
  let widest = textWidth(String(Math.max(0, count - 1)), size, { font: theme.font });
  for (let at = 0; at < count; at += step)
    widest = Math.max(widest, textWidth(tickOn(axis, at), size, { font: theme.font }));
  return widest;
}

export function rowLabels(axis: MapAxis, window: MatrixWindow, written: boolean, theme: Theme): Mark[] {
  const size = smallSize(theme);
  const { plot, place, cellHeight } = window;
  const room = plot.x - 24;
  const y = (row: number): number => plot.y + (row + 0.5 - place.row) * cellHeight;
  return shown(window.rows, cellHeight, written ? 0 : size + 6)
    .filter((row) => y(row) >= plot.y && y(row) <= plot.y + plot.height)
    .map((row) => {
      const at = [plot.x - 5, y(row) + size * 0.36] as const;
      if (!written) return textMark(fitted(tickOn(axis, row), room, size, theme.font), ...at, theme, { anchor: 'end' });
      const text = fitted(labelText(axis, axis.labels[row] ?? ''), room, size, theme.editorFont);
      return textMark(text, ...at, theme, { anchor: 'end', font: theme.editorFont, fill: theme.foreground });
    });
}

export function columnLabels(
  axis: MapAxis,
  window: MatrixWindow,
  { written, room, bottom }: { readonly written: boolean; readonly room: number; readonly bottom: number },
  theme: Theme,
): Mark[] {
  const size = smallSize(theme);
  const { plot, place, cellWidth, columns } = window;
  const middle = (column: number): number => plot.x + (column + 0.5 - place.column) * cellWidth;
  const seen = (column: number): boolean => middle(column) >= plot.x && middle(column) <= plot.x + plot.width;
  if (axis.labels.length === 0) {
    const wide = textWidth(String(Math.max(0, columns[1] - 1)), size, { font: theme.font });
    return shown(columns, cellWidth, wide + 8)
      .filter(seen)
      .map((column) => textMark(tickOn(axis, column), middle(column), bottom - 4, theme, { anchor: 'middle' }));
  }
  return shown(columns, cellWidth, written ? 0 : size + 6)
    .filter(seen)
    .map((column) => {
      const text = written ? labelText(axis, axis.labels[column] ?? '') : tickOn(axis, column);
      return textMark(fitted(text, room, size, theme.editorFont), middle(column) + size * 0.36, bottom - 4, theme, {
        turn: -90,
        font: theme.editorFont,
        fill: theme.foreground,
      });
    });
}

/** Places that are named: all, or evenly in steps of 1, 2 or 5 times a power of ten. */
function shown([from, to]: readonly [number, number], cell: number, room: number): number[] {
  const least = Math.max(1, room / cell);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= least) ?? to;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.ceil((to - first) / step)) }, (_, at) => Math.round(first + at * step));
}
