/** The picture of the heads: a colour for the number, shapes for classes, a frame around those that the finding names. */
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import { css, inkOn } from '../../charts/colour-map';
import { shapes } from '../../charts/palette';
import { headKey } from '../../ui/head-names';
import { significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { colourAt, domainOf, type Domain } from '../colours';
import { moveInGrid } from '../grid-keys';
import { classItem, flow, markedItem, noValueItem, noValueMarks, scaleItem, smallSize, textMark } from '../legend';
import type { CellWords, Drawn, Picture } from '../picture';
import { moved, type Mark } from '../scene';
import { evenly, intervalWords, valueWords } from '../words';
import { classColour, headClasses, type HeadClasses } from './heads-classes';
import { headAt, headBox, layOutHeads, type HeadsLayout } from './heads-layout';

export function headsPicture(section: HeadsSection, number: HeadsLayer): Picture {
  const classes = headClasses(section);
  const domain = domainOf(number.scale, number.values.flat());
  const counts = number.values.map((row) => row.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    label: `${section.title}: ${number.title} of ${total} cells in ${counts.length} layers, ${significant(domain.low)} to ${significant(domain.high)} ${number.unit}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme) => drawHeads(section, number, classes, domain, width, theme),
    first: () => {
      const [one] = section.marked ?? [];
      if (one && number.values[one.layer]?.[one.head] !== undefined) return headKey(one.layer, one.head);
      const layer = counts.findIndex((count) => count > 0);
      return layer < 0 ? undefined : headKey(layer, 0);
    },
    move: (cursor, key) => {
      const { layer, head } = parse(cursor);
      const to = moveInGrid({ row: layer, column: head }, key, counts);
      return to && headKey(to.row, to.column);
    },
    words: (cursor) => headWords(section, number, classes, cursor),
  };
}

export function parse(cursor: string): { readonly layer: number; readonly head: number } {
  const [layer = Number.NaN, head = Number.NaN] = cursor.split('.').map(Number);
  return { layer, head };
}

function headWords(
  section: HeadsSection,
  number: HeadsLayer,
  classes: HeadClasses,
  cursor: string,
): CellWords | undefined {
  const { layer, head } = parse(cursor);
  const value = number.values[layer]?.[head];
  if (value === undefined) return undefined;
  const interval = intervalWords(number.low?.[layer]?.[head], number.high?.[layer]?.[head], number.interval);
  const of = classes.of.get(cursor) ?? [];
  return {
    title: `${cellName(section, layer, head)}${of.length === 0 ? '' : `: ${of.map(({ title }) => title).join(', ')}`}`,
    value: `${number.title} ${valueWords(value, number.unit, number.scale.kind === 'diverging')}${interval === undefined ? '' : ` (${interval})`}`,
    definition: number.definition,
  };
}

/** `layer 2, head 5`; with the words of the section for cells that are no query heads. */
const cellName = ({ cell }: HeadsSection, layer: number, head: number): string => {
  if (cell === undefined || cell === 'query head') return `layer ${layer}, head ${head}`;
  return cell === 'MLP' ? `layer ${layer}, MLP` : `layer ${layer}, ${cell} ${head}`;
};

const axisHeight = 16;

function drawHeads(
  section: HeadsSection,
  number: HeadsLayer,
  classes: HeadClasses,
  domain: Domain,
  width: number,
  theme: Theme,
): Drawn {
  const counts = number.values.map((row) => row.length);
  const at = layOutHeads(counts, width, counts.length > 100 ? 34 : 28, axisHeight);
  const marks: Mark[] = [...axes(section, at, counts, theme)];
  const overs: Mark[] = [];
  const gap = at.cellWidth >= 8 && at.cellHeight >= 8 ? 1 : 0;
  // Under the shapes of the classes, which a long number in a narrow cell would otherwise run into.
  const baseline = classes.all.some(({ count }) => count > 0) ? at.cellHeight - 5 : at.cellHeight / 2 + 4;
  // Counts (ranks, degrees) carry no decimals.
  const whole = number.values.every((row) => row.every((value) => Number.isNaN(value) || Number.isInteger(value)));
  let missing = false;
  number.values.forEach((row, layer) =>
    row.forEach((value, head) => {
      const box = headBox(at, layer, head);
      const inner = { ...box, width: box.width - gap, height: box.height - gap };
      const colour = colourAt(value, domain, theme.dark);
      missing ||= colour === undefined;
      if (colour === undefined) marks.push(...noValueMarks(inner.x, inner.y, inner.width, inner.height, theme));
      else {
        marks.push({ kind: 'rect', ...inner, fill: css(colour) });
        if (at.written) {
          marks.push(
            textMark(
              whole ? String(value) : evenly(value, domain.high - domain.low),
              box.x + box.width / 2,
              baseline + box.y,
              theme,
              {
                anchor: 'middle',
                fill: inkOn(colour),
              },
            ),
          );
        }
      }
      const key = headKey(layer, head);
      if (classes.marked.has(key)) {
        overs.push(
          { kind: 'rect', ...inner, stroke: theme.background, lineWidth: 3.5 },
          { kind: 'rect', ...inner, stroke: theme.foreground, lineWidth: 2 },
        );
      }
      overs.push(...classMarks(classes, key, inner, at.written, theme));
    }),
  );
  const legend = flow(
    [
      scaleItem(domain, number.unit, theme),
      ...(missing ? [noValueItem(theme)] : []),
      ...(classes.marked.size > 0 ? [markedItem('named in the finding', theme)] : []),
      ...classes.all.map((one) =>
        classItem(
          {
            shape: one.identity.shape,
            colour: classColour(one, theme.dark),
            label: `${one.title} (${one.count})`,
          },
          theme,
        ),
      ),
    ],
    width,
  );
  const legendTop = at.height + 8;
  return {
    width,
    height: legendTop + legend.height,
    marks: [...marks, ...overs, ...legend.marks.map((mark) => moved(mark, 0, legendTop))],
    hit: (x, y) => {
      const found = headAt(at, x, y);
      return found && number.values[found.layer]?.[found.head] !== undefined
        ? headKey(found.layer, found.head)
        : undefined;
    },
    box: (cursor) => {
      const { layer, head } = parse(cursor);
      return number.values[layer]?.[head] === undefined ? undefined : headBox(at, layer, head);
    },
  };
}

/** One shape a class, over the middle of a small cell or along the top of a large one. */
function classMarks(
  classes: HeadClasses,
  key: string,
  cell: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  written: boolean,
  theme: Theme,
): Mark[] {
  const of = classes.of.get(key) ?? [];
  const side = written ? 8 : Math.min(10, Math.max(6, Math.min(cell.width, cell.height) * 0.5));
  const step = Math.min(side + 1, Math.max(2, (cell.width - side) / Math.max(1, of.length - 1)));
  const left = written ? cell.x + 2 : cell.x + cell.width / 2 - (side + (of.length - 1) * step) / 2;
  const top = written ? cell.y + 2 : cell.y + cell.height / 2 - side / 2;
  return of.map((one, at) => ({
    kind: 'path',
    d: shapes[one.identity.shape],
    x: left + at * step,
    y: top,
    scale: side / 16,
    fill: classColour(one, theme.dark),
    stroke: theme.background,
    lineWidth: 1.5,
  }));
}

function axes(section: HeadsSection, at: HeadsLayout, counts: readonly number[], theme: Theme): Mark[] {
  const size = smallSize(theme);
  const lineHeight = at.cellHeight + at.layerGap;
  const everyLayer = Math.max(1, Math.ceil((size + 2) / lineHeight));
  const marks = counts.flatMap((_, layer) => {
    if (layer % everyLayer !== 0) return [];
    const box = headBox(at, layer, 0);
    return [textMark(`L${layer}`, at.left - 6, box.y + Math.min(box.height, 26) / 2 + 4, theme, { anchor: 'end' })];
  });
  const cell = section.cell ?? 'head';
  if (cell === 'MLP' || at.lines.at(-1) !== counts.length) {
    return [...marks, textMark(cell === 'MLP' ? 'MLP' : `${cell}s, line by line`, at.left, 10, theme)];
  }
  const most = Math.max(1, ...counts);
  const everyHead = Math.max(1, Math.ceil((String(most).length * size * 0.62 + 6) / at.cellWidth));
  const step = everyHead === 1 ? 1 : niceStep(everyHead);
  for (let head = 0; head < most; head += step) {
    const first = head === 0 && at.cellWidth >= 20 ? `H${head}` : String(head);
    marks.push(textMark(first, headBox(at, 0, head).x + at.cellWidth / 2, 11, theme, { anchor: 'middle' }));
  }
  return marks;
}

const niceStep = (least: number): number => {
  const power = 2 ** Math.ceil(Math.log2(least));
  return Math.max(1, power);
};
