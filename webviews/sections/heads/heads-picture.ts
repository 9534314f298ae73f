/** The picture of the heads: a colour for the number, shapes for classes, a frame around those that the finding names. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { signedMiddle } from '../../../protocol/results/thumbnails';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import { cividis, css, diverging, inkOn, mix, parseColour, type Rgb } from '../../charts/colour-map';
import { shapes } from '../../charts/palette';
import { headKey } from '../../ui/head-names';
import { significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { colourAt, domainOf, type Domain } from '../colours';
import { moveInGrid } from '../grid-keys';
import {
  classItem,
  fitted,
  flow,
  markedItem,
  noValueItem,
  noValueMarks,
  scaleItem,
  scaleItems,
  smallSize,
  textMark,
  wordsItem,
} from '../legend';
import { chosenScale } from '../log-colours';
import type { Bands } from '../looked-tokens';
import { stackTitles } from '../stacks';
import type { CellWords, Drawn, Picture } from '../picture';
import { moved, type Box, type Mark } from '../scene';
import { evenly, intervalWords, valueWords } from '../words';
import { colouredAtlas, colourTable, headAtlas, type HeadColours } from './head-atlas';
import { classColour, headClasses, type HeadClasses } from './heads-classes';
import { headAt, headBox, layOutHeads, type HeadsLayout } from './heads-layout';
import { placesOf, rowsOfHeads, type DrawnHeads, type DrawnPictures } from './heads-model';

export function headsPicture(section: DrawnHeads, number: HeadsLayer, log?: boolean): Picture {
  const classes = headClasses(section);
  const domain = domainOf(chosenScale(number.scale, { log }), number.values.flat());
  const rows = rowsOfHeads(section, number);
  const places = placesOf(rows);
  const counts = rows.map((row) => row.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const keyAt = (row: number, column: number): string | undefined => {
    const place = rows[row]?.[column];
    return place && headKey(place.layer, place.head);
  };
  return {
    label: `${section.title}: ${section.drawing?.pictures ? 'pictures' : number.title} of ${total} cells in ${counts.length} ${section.drawing?.rows ? 'rows' : 'layers'}${section.drawing?.pictures ? '' : `, ${significant(domain.low)} to ${significant(domain.high)} ${number.unit}`}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme) => drawHeads({ section, number, classes, domain, rows, places }, width, theme),
    first: () => {
      const [one] = section.marked ?? [];
      if (one && places.has(headKey(one.layer, one.head))) return headKey(one.layer, one.head);
      return keyAt(
        counts.findIndex((count) => count > 0),
        0,
      );
    },
    move: (cursor, key) => {
      const to = moveInGrid(places.get(cursor) ?? { row: 0, column: 0 }, key, counts);
      return to && keyAt(to.row, to.column);
    },
    words: (cursor) =>
      places.has(cursor)
        ? (section.drawing?.words?.(parse(cursor)) ?? headWords(section, number, classes, cursor))
        : undefined,
    ...(section.together
      ? {
          between: (from, to) => {
            const all = rows.flat().map(({ layer, head }) => headKey(layer, head));
            const [a, b] = [all.indexOf(from), all.indexOf(to)];
            return all.slice(Math.min(a, b), Math.max(a, b) + 1);
          },
        }
      : {}),
  };
}

export function parse(cursor: string): { readonly layer: number; readonly head: number } {
  const [layer = Number.NaN, head = Number.NaN] = cursor.split('.').map(Number);
  return { layer, head };
}

function headWords(
  section: DrawnHeads,
  number: HeadsLayer,
  classes: HeadClasses,
  cursor: string,
): CellWords | undefined {
  const { layer, head } = parse(cursor);
  const value = number.values[layer]?.[head];
  if (value === undefined) return undefined;
  const interval = intervalWords(number.low?.[layer]?.[head], number.high?.[layer]?.[head], number.interval);
  const of = (classes.of.get(cursor) ?? []).map(
    ({ class: { title }, score }) => `${title}${score === undefined ? '' : ` ${significant(score)}`}`,
  );
  const gain = section.gains?.find((one) => one.layer === layer && one.head === head);
  const title = [cellName(section, layer, head), ...(gain ? [`gain ${significant(gain.gain)}`] : [])].join(', ');
  const words = (one: HeadsLayer): string =>
    `${one.title} ${valueWords(one.values[layer]?.[head] ?? Number.NaN, one.unit, one.scale.kind === 'diverging')}`;
  return {
    title: `${title}${of.length === 0 ? '' : `: ${of.join(', ')}`}`,
    ...(section.drawing?.pictures
      ? { value: section.numbers.slice(0, mostSaid).map(words).join(' · ') }
      : {
          value: `${words(number)}${interval === undefined ? '' : ` (${interval})`}`,
          definition: number.definition,
        }),
  };
}

/** Numbers that are said of a head whose picture is drawn. */
const mostSaid = 8;

/** `layer 2, head 5`; with the words of the section for cells that are no query heads. */
const cellName = ({ cell, stack }: DrawnHeads, layer: number, head: number): string => {
  const of = stack === undefined ? '' : stackTitles[stack].prefix;
  if (cell === undefined || cell === 'query head') return `${of}layer ${layer}, head ${head}`;
  return cell === 'MLP' ? `layer ${layer}, MLP` : `layer ${layer}, ${cell} ${head}`;
};

const axisHeight = 16;

interface Grid {
  readonly section: DrawnHeads;
  readonly number: HeadsLayer;
  readonly classes: HeadClasses;
  readonly domain: Domain;
  readonly rows: readonly (readonly HeadPlace[])[];
  readonly places: ReturnType<typeof placesOf>;
}

/** What the colours of signed pictures span. */
const signedShares: Domain = { kind: 'diverging', low: -1, high: 1, curve: 'root' };

/** Heads that a search or a filter leaves out. */
const faded = 0.15;

function drawHeads(grid: Grid, width: number, theme: Theme): Drawn {
  const { section, number, classes, domain, rows, places } = grid;
  const { drawing, kvHeads, gains = [] } = section;
  const { pictures } = drawing ?? {};
  const counts = rows.map((row) => row.length);
  const most = Math.max(1, ...counts);
  const share = !drawing?.rows && kvHeads !== undefined && most % kvHeads === 0 ? most / kvHeads : 1;
  const top = axisHeight + (share > 1 ? 10 : 0);
  const squares = pictures !== undefined || drawing?.squares === true;
  const at = layOutHeads(counts, width, counts.length > 100 ? 34 : 28, top, { squares, share });
  const marks: Mark[] = [...axes(section, at, counts, rows, squares, theme)];
  const overs: Mark[] = [];
  const gap = at.cellWidth >= 8 && at.cellHeight >= 8 ? (squares && at.cellWidth >= 14 ? 2 : 1) : 0;
  // Under the shapes of the classes, which a long number in a narrow cell would otherwise run into.
  const baseline = classes.all.some(({ count }) => count > 0) ? at.cellHeight - 5 : at.cellHeight / 2 + 4;
  // Counts (ranks, degrees) carry no decimals.
  const whole = number.values.every((row) => row.every((value) => Number.isNaN(value) || Number.isInteger(value)));
  const scaled = new Map(gains.map(({ layer, head, gain }) => [headKey(layer, head), gain]));
  const ground = parseColour(theme.background);
  const strengthOf = (key: string): number => (drawing?.shown && !drawing.shown.has(key) ? faded : 1);
  const cellOf = (row: number, column: number): Box => {
    const box = headBox(at, row, column);
    return { ...box, width: box.width - gap, height: box.height - gap };
  };
  if (pictures) marks.push(...pictureMarks(grid, pictures, cellOf, at.cellWidth - gap, strengthOf, theme));
  let missing = false;
  rows.forEach((heads, row) =>
    heads.forEach(({ layer, head }, column) => {
      const key = headKey(layer, head);
      const inner = cellOf(row, column);
      if (!pictures) {
        const value = number.values[layer]?.[head] ?? Number.NaN;
        const colour = colourAt(value, domain, theme.dark);
        missing ||= colour === undefined;
        if (colour === undefined) marks.push(...noValueMarks(inner.x, inner.y, inner.width, inner.height, theme));
        else {
          marks.push({ kind: 'rect', ...inner, fill: css(mix(ground, colour, strengthOf(key))) });
          if (at.written) {
            const words = whole ? String(value) : evenly(value, domain.high - domain.low);
            const middle = inner.x + (inner.width + gap) / 2;
            const look = { anchor: 'middle', fill: inkOn(colour) } as const;
            marks.push(textMark(words, middle, baseline + inner.y, theme, look));
          }
        }
      }
      if (classes.marked.has(key) && !pictures) {
        overs.push(
          { kind: 'rect', ...inner, stroke: theme.background, lineWidth: 3.5 },
          { kind: 'rect', ...inner, stroke: theme.foreground, lineWidth: 2 },
        );
      }
      if (strengthOf(key) === 1) overs.push(...classMarks(classes, key, inner, at.written, theme));
      const gain = scaled.get(key);
      if (gain !== undefined && gain !== 1) overs.push(...gainMarks(inner, gain, theme));
    }),
  );
  const legend = flow(
    [
      ...(pictures
        ? pictures.colours === 'signed'
          ? scaleItems(signedShares, 'of the largest of each head', theme, width)
          : []
        : [...(squares ? [wordsItem(number.title, theme)] : []), scaleItem(domain, number.unit, theme)]),
      ...(missing ? [noValueItem(theme)] : []),
      ...(classes.marked.size > 0 && !pictures ? [markedItem('named in the finding', theme)] : []),
      ...(drawing?.keyBeside ? [] : classes.all)
        .filter(({ count }) => count > 0 || !squares)
        .map((one) =>
          classItem(
            {
              shape: one.identity.shape,
              colour: classColour(one, theme.dark),
              label: `${one.letter === undefined ? '' : `${one.letter} `}${one.title} (${one.count})`,
            },
            theme,
          ),
        ),
      ...(drawing?.keyBeside ? [] : ofModel(section, share).map((words) => wordsItem(words, theme))),
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
      const place = found && rows[found.layer]?.[found.head];
      return place && headKey(place.layer, place.head);
    },
    box: (cursor) => {
      const place = places.get(cursor);
      return place && headBox(at, place.row, place.column);
    },
    ...(pictures
      ? {
          bands: (bands) =>
            rows.flatMap((heads, row) => heads.flatMap((_, column) => bandMarks(cellOf(row, column), bands, theme))),
        }
      : {}),
  };
}

/** CSS pixels of a band at least. */
const leastBand = 1.5;

/** A token in the picture of a head: its row, its column, or both. */
function bandMarks({ x, y, width, height }: Box, { row, column }: Bands, theme: Theme): Mark[] {
  const look = { kind: 'rect', fill: theme.focus, opacity: 0.55 } as const;
  const span = ([from, to]: readonly [number, number], side: number): readonly [number, number] => {
    const long = Math.max(leastBand, (to - from) * side);
    return [Math.min(from * side, side - long), long];
  };
  const [top, tall] = row ? span(row, height) : [0, 0];
  const [left, wide] = column ? span(column, width) : [0, 0];
  return [
    ...(row ? [{ ...look, x, y: y + top, width, height: tall }] : []),
    ...(column ? [{ ...look, x: x + left, y, width: wide, height }] : []),
  ];
}

/** What brackets, bars and strokes mean. */
function ofModel({ drawing, windows = [], gains = [] }: DrawnHeads, share: number): readonly string[] {
  const bounded = windows.filter((window) => window !== null);
  const [low, high] = [Math.min(...bounded), Math.max(...bounded)];
  const scaled = gains.filter(({ gain }) => gain !== 1);
  return [
    ...(share > 1 ? [`bracket: ${share} query heads on one key/value head`] : []),
    ...(bounded.length > 0 && !drawing?.rows
      ? [`bar: window of ${low === high ? low : `${low} to ${high}`} tokens`]
      : []),
    ...(scaled.some(({ gain }) => gain === 0) ? ['struck through: gain 0'] : []),
    ...(scaled.some(({ gain }) => gain !== 0) ? ['corner: another gain'] : []),
  ];
}

/** Smaller than this, in CSS pixels, a cell shows the colour of its class instead of a picture nobody could read. */
const leastPicture = 5;

function pictureMarks(
  { section, classes, rows }: Grid,
  { of: saved, colours }: DrawnPictures,
  cellOf: (row: number, column: number) => Box,
  side: number,
  strengthOf: (key: string) => number,
  theme: Theme,
): Mark[] {
  const [ground, muted] = [parseColour(theme.background), parseColour(theme.muted)];
  const low = mix(ground, muted, 0.14);
  const hueOf = (key: string): Rgb | undefined => {
    const [first] = classes.of.get(key) ?? [];
    return first && parseColour(classColour(first.class, theme.dark));
  };
  // Twice, as for a fine screen.
  const atlas = saved && side >= leastPicture ? headAtlas(saved, side * 2) : undefined;
  // A number may be of no head on a prompt of one token.
  const isThere = ({ layer, head }: HeadPlace): boolean =>
    section.numbers.some(({ values }) => !Number.isNaN(values[layer]?.[head] ?? Number.NaN));
  // A few for a thousand heads: one for each class.
  const tables = new Map<string, readonly Rgb[]>();
  const tableOf = (hue: Rgb | undefined, strength: number): readonly Rgb[] => {
    const key = `${colours === 'class' ? (hue?.join() ?? '') : ''}/${strength}`;
    const known = tables.get(key);
    if (known) return known;
    const plain = (share: number): Rgb => {
      if (colours === 'signed') return diverging((share * 255 - signedMiddle) / 127, theme.dark);
      return colours === 'magnitude' ? cividis(share) : mix(low, hue ?? muted, share);
    };
    const made = colourTable((share) => mix(ground, plain(share), strength));
    tables.set(key, made);
    return made;
  };
  const marks: Mark[] = [];
  const drawn: HeadColours[] = [];
  const pieces: (Box & { readonly column: number; readonly row: number })[] = [];
  rows.forEach((heads, row) =>
    heads.forEach((place, column) => {
      const { layer, head } = place;
      const key = headKey(layer, head);
      const hue = hueOf(key);
      const box = cellOf(row, column);
      const strength = strengthOf(key);
      if (!atlas || !saved || !isThere(place) || layer >= saved.layers || head >= saved.heads) {
        const fill = !isThere(place) ? mix(ground, muted, 0.08) : (hue ?? low);
        marks.push({ kind: 'rect', ...box, fill: css(mix(ground, fill, strength)) });
        return;
      }
      drawn.push({ layer, head, table: tableOf(hue, strength) });
      pieces.push({ ...box, column: head * atlas.side, row: layer * atlas.side });
    }),
  );
  if (!atlas) return marks;
  const rgba = colouredAtlas(atlas, drawn);
  return [...marks, { kind: 'pieces', columns: atlas.width, rows: atlas.height, rgba, side: atlas.side, pieces }];
}

/** A head whose output is scaled: crossed out when it is off, a corner otherwise. */
function gainMarks({ x, y, width, height }: Box, gain: number, theme: Theme): Mark[] {
  if (gain === 0) {
    const d = `M1 ${height - 1}L${width - 1} 1`;
    return [
      { kind: 'path', d, x, y, stroke: theme.background, lineWidth: 4 },
      { kind: 'path', d, x, y, stroke: theme.foreground, lineWidth: 1.5 },
    ];
  }
  const corner = Math.max(5, width * 0.3);
  return [
    {
      kind: 'path',
      d: `M${width} ${height}H${width - corner}L${width} ${height - corner}Z`,
      x,
      y,
      fill: theme.foreground,
    },
  ];
}

/** A letter each, side by side while there is room; else one shape a class, over the middle of a small cell or along the top of a large one. */
function classMarks(
  classes: HeadClasses,
  key: string,
  cell: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  written: boolean,
  theme: Theme,
): Mark[] {
  const of = (classes.of.get(key) ?? []).map((one) => one.class);
  const lettered = of.filter(({ letter }) => letter !== undefined);
  if (lettered.length > 0) {
    if (cell.width < 12) return [];
    // Above the number, where one is written.
    const size = written ? 8 : Math.max(8, Math.min(12, Math.round(cell.width * 0.34)));
    return lettered.slice(0, Math.max(1, Math.floor(cell.width / (size + 4)))).flatMap((one, at): Mark[] => {
      const fill = classColour(one, theme.dark);
      const ink = inkOn(parseColour(fill));
      const x = cell.x + at * (size + 4);
      return [
        { kind: 'rect', x, y: cell.y, width: size + 3, height: size + 3, fill },
        textMark(one.letter ?? '', x + 2, cell.y + size + 0.5, theme, { size, weight: 600, fill: ink }),
      ];
    });
  }
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

function axes(
  section: DrawnHeads,
  at: HeadsLayout,
  counts: readonly number[],
  rows: readonly (readonly HeadPlace[])[],
  squares: boolean,
  theme: Theme,
): Mark[] {
  const size = smallSize(theme);
  const lineHeight = at.cellHeight + at.layerGap;
  const everyLayer = Math.max(1, Math.ceil((size + 2) / lineHeight));
  const sorted = section.drawing?.rows !== undefined;
  const marks = counts.flatMap((_, row): Mark[] => {
    const box = headBox(at, row, 0);
    const middle = box.y + Math.min(box.height, squares ? box.height : 26) / 2 + 4;
    // Where heads are sorted, a row is named by the place of its first head in the order.
    const name = sorted ? String(row * Math.max(1, ...counts) + 1) : `L${rows[row]?.[0]?.layer ?? row}`;
    const window = sorted ? null : (section.windows?.[row] ?? null);
    const reason = sorted || (rows[row]?.length ?? 0) > 0 ? null : (section.without?.[row] ?? null);
    const room = at.width - at.left;
    return [
      ...(reason === null ? [] : [textMark(fitted(`— ${reason}`, room, size, theme.font), at.left, middle, theme)]),
      ...(row % everyLayer === 0 ? [textMark(name, at.left - 6, middle, theme, { anchor: 'end' })] : []),
      ...(window === null
        ? []
        : [{ kind: 'rect', x: at.left - 4, y: box.y, width: 2, height: box.height - 2, fill: theme.muted } as const]),
    ];
  });
  if (sorted) return marks;
  if (at.groupGap > 0) {
    const last = Math.max(0, ...counts) - 1;
    for (let first = 0; first <= last; first += at.share) {
      const from = headBox(at, 0, first).x + 0.5;
      const to = headBox(at, 0, Math.min(last, first + at.share - 1)).x + at.cellWidth - 2;
      marks.push({ kind: 'path', d: `M${from} 7.5V3.5H${to}V7.5`, stroke: theme.muted, lineWidth: 1 });
    }
  }
  const line = at.groupGap > 0 ? 21 : 11;
  const cell = section.cell ?? 'head';
  if (cell === 'MLP' || at.lines.at(-1) !== counts.length) {
    return [...marks, textMark(cell === 'MLP' ? 'MLP' : `${cell}s, line by line`, at.left, line - 1, theme)];
  }
  const most = Math.max(1, ...counts);
  const everyHead = Math.max(1, Math.ceil((String(most).length * size * 0.62 + 6) / at.cellWidth));
  const step = 2 ** Math.ceil(Math.log2(everyHead));
  for (let head = 0; head < most; head += step) {
    const first = head === 0 && at.cellWidth >= 20 ? `H${head}` : String(head);
    marks.push(textMark(first, headBox(at, 0, head).x + at.cellWidth / 2, line, theme, { anchor: 'middle' }));
  }
  return marks;
}
