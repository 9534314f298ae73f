/** What colours and shapes mean, drawn under a picture so that it leaves with it. */
import { shapes, type Shape } from '../charts/palette';
import { textWidth } from '../charts/text-width';
import { significant } from '../ui/numbers';
import type { Theme } from '../ui/theme';
import { stopsOf, type Domain } from './colours';
import { css } from '../charts/colour-map';
import { noValueColour } from './colours';
import { hatchMark, moved, type Mark, type Scene } from './scene';
import { shortened } from './words';

interface Item {
  readonly width: number;
  readonly marks: readonly Mark[];
}

const rowHeight = 18;
const baseline = 13;
export const smallSize = (theme: Theme): number => Math.max(10, theme.fontSize - 2);

export const textMark = (text: string, x: number, y: number, theme: Theme, more: Partial<Mark> = {}): Mark =>
  ({ kind: 'text', text, x, y, size: smallSize(theme), fill: theme.muted, font: theme.font, ...more }) as Mark;

/** `text` cut so that it is no wider than `width`. */
export function fitted(text: string, width: number, size: number, font: string): string {
  let cut = shortened(text, 160);
  if (textWidth(cut, size, { font }) <= width) return cut;
  let [least, most] = [0, cut.length];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (textWidth(`${cut.slice(0, middle)}…`, size, { font }) <= width) least = middle;
    else most = middle;
  }
  cut = cut.slice(0, least);
  return least === 0 ? '' : `${cut}…`;
}

/** Items beside each other, in as many rows as it takes. */
export function flow(items: readonly Item[], width: number): Scene {
  const marks: Mark[] = [];
  let [x, y] = [0, 0];
  for (const item of items) {
    if (x > 0 && x + item.width > width) [x, y] = [0, y + rowHeight];
    for (const mark of item.marks) marks.push(moved(mark, x, y));
    x += item.width + 12;
  }
  return { width, height: items.length === 0 ? 0 : y + rowHeight, marks };
}

function words(text: string, theme: Theme, fill = theme.muted, most = 280): Item {
  const size = smallSize(theme);
  const cut = fitted(text, most, size, theme.font);
  return { width: textWidth(cut, size, { font: theme.font }), marks: [textMark(cut, 0, baseline, theme, { fill })] };
}

/** Low, the bar, high; what they are stands behind them where there is room, else below. */
export function scaleItems(domain: Domain, unit: string, theme: Theme, width: number): readonly Item[] {
  const whole = scaleItem(domain, unit, theme);
  return whole.width <= width ? [whole] : [scaleItem(domain, '', theme), words(unit, theme)];
}

/** Low, the bar, high with the unit. */
export function scaleItem(domain: Domain, unit: string, theme: Theme): Item {
  const signed = domain.kind === 'diverging';
  const number = (value: number): string => `${signed && value > 0 ? '+' : ''}${significant(value, 2)}`;
  const low = words(number(domain.low), theme);
  const { curve } = domain;
  const spread = curve === undefined ? '' : curve === 'log' ? ', log' : ', square root';
  const high = words(`${number(domain.high)}${unit === '' ? '' : ` ${unit}`}${spread}`, theme);
  const stops = stopsOf(domain, theme.dark);
  const [from, step] = [low.width + 6, 7];
  const bar: Mark[] = stops.map((fill, at) => ({
    kind: 'rect',
    x: from + at * step,
    y: 4,
    width: step + (at === stops.length - 1 ? 0 : 0.5),
    height: 10,
    fill,
  }));
  const frame: Mark = { kind: 'rect', x: from, y: 4, width: stops.length * step, height: 10, stroke: theme.line };
  const to = from + stops.length * step + 6;
  return {
    width: to + high.width,
    marks: [...low.marks, ...bar, frame, ...high.marks.map((mark) => moved(mark, to, 0))],
  };
}

export function noValueItem(theme: Theme): Item {
  const said = words('no value', theme);
  return {
    width: 18 + said.width,
    marks: [...noValueMarks(0, 3, 12, 12, theme), ...said.marks.map((mark) => moved(mark, 18, 0))],
  };
}

/** A cell without a number: marked by its stroke, not by a colour of the scale. */
export const noValueMarks = (x: number, y: number, width: number, height: number, theme: Theme): Mark[] => [
  { kind: 'rect', x, y, width, height, fill: css(noValueColour(theme)) },
  ...(Math.min(width, height) < 6
    ? []
    : [{ kind: 'path', d: `M0 ${height}L${width} 0`, x, y, stroke: theme.muted, lineWidth: 1 } as const]),
];

/** `a sink, not a finding` has an S. */
export const letterOf = (title: string): string =>
  title
    .replace(/^(an?|the) /i, '')
    .charAt(0)
    .toUpperCase();

/** Cells that are hatched, and have no colour of the scale. */
export function apartItem(title: string, theme: Theme): Item {
  const said = words(`${letterOf(title)}: ${title}, left out of the scale`, theme, theme.foreground);
  const box = { x: 0, y: 3, width: 12, height: 12 };
  return {
    width: 18 + said.width,
    marks: [
      { kind: 'rect', ...box, fill: '#404040' },
      hatchMark(box, '#ffffff', 4),
      ...said.marks.map((mark) => moved(mark, 18, 0)),
    ],
  };
}

export interface ClassMark {
  readonly shape: Shape;
  readonly colour: string;
  readonly label: string;
}

export function classItem({ shape, colour, label }: ClassMark, theme: Theme): Item {
  const said = words(label, theme, theme.foreground);
  return {
    width: 17 + said.width,
    marks: [
      { kind: 'path', d: shapes[shape], x: 1, y: 4, scale: 10 / 16, fill: colour },
      ...said.marks.map((mark) => moved(mark, 17, 0)),
    ],
  };
}

/** A frame in the foreground's colour: heads that the finding names. */
export function markedItem(label: string, theme: Theme): Item {
  const said = words(label, theme, theme.foreground);
  return {
    width: 18 + said.width,
    marks: [
      { kind: 'rect', x: 1, y: 4, width: 10, height: 10, stroke: theme.foreground, lineWidth: 2 },
      ...said.marks.map((mark) => moved(mark, 18, 0)),
    ],
  };
}

export const wordsItem = words;
