/**
 * What sections are built from: `build.table`, `build.chart`, `build.heads` and `build.paragraphs`, and their columns, axes, series and
 * numbers. A section begins with its id, title and caption; an empty caption is none. What is undefined or false is left out.
 */
import type { HeadPlace } from '../schema/written-form';
import { cellOf } from './cell';
import type { ChartSection, SectionAxis, SectionSeries } from './chart';
import type { Scale } from './figure';
import type { HeadsLayer, HeadsSection } from './heads';
import type { Reading } from './reading';
import type { SectionCell, SectionColumn, TableSection } from './table';
import type { TextSection } from './text';

type Undefinable<Fields> = { readonly [Name in keyof Fields]: Fields[Name] | undefined };

const defined = <Fields extends object>(fields: Undefinable<Fields>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;

/** One part of a list, several, or nothing where its condition does not hold. */
type Parts<Part> = readonly (Part | readonly Part[] | false | undefined)[];

const partsOf = <Part extends object>(parts: Parts<Part>): readonly Part[] =>
  parts.flatMap((part): readonly Part[] => {
    if (part === false || part === undefined) return [];
    return Array.isArray(part) ? (part as readonly Part[]) : [part as Part];
  });

type Words = Pick<TableSection, 'id' | 'title' | 'caption'>;

const begun = <More extends object>(
  id: string,
  title: string,
  caption: string | undefined,
  more: Undefinable<More>,
): Words & More => ({ id, title, ...(caption ? { caption } : {}), ...defined<More>(more) });

// Tables

/** What a row puts into a column. A number that is not there is an empty cell. */
type CellOf<Row> = (row: Row, at: number) => SectionCell | undefined;

/** A column of a table of such rows. */
export interface Column<Row> extends SectionColumn {
  readonly cell: CellOf<Row>;
}

/** A row that may have a field of the name of the column. */
type Named<Name extends string, Value> = Readonly<Partial<Record<Name, Value | null | undefined>>>;

const fieldOf =
  (name: string): CellOf<never> =>
  (row: Readonly<Record<string, SectionCell | undefined>>) =>
    row[name];

/** Without `cell`, columns show the field of their name. */
export function text<Name extends string>(name: Name, title: string): Column<Named<Name, string>>;
export function text<Row>(name: string, title: string, cell: CellOf<Row>, definition?: string): Column<Row>;
export function text(name: string, title: string, cell = fieldOf(name), definition?: string): Column<never> {
  return { name, title, kind: 'text', ...(definition === undefined ? {} : { definition }), cell };
}

interface NumberColumn {
  <Name extends string>(name: Name, title: string, definition: string, unit?: string): Column<Named<Name, number>>;
  <Row>(name: string, title: string, definition: string, cell: CellOf<Row>): Column<Row>;
  <Row>(name: string, title: string, definition: string, unit: string, cell: CellOf<Row>): Column<Row>;
}

const numberColumn = (more: Pick<SectionColumn, 'digits'>) =>
  ((
    name: string,
    title: string,
    definition: string,
    unit: string | CellOf<never> = '',
    cell: CellOf<never> = fieldOf(name),
  ): Column<never> => ({
    name,
    title,
    kind: 'number',
    definition,
    ...(typeof unit === 'string' ? { unit, cell } : { unit: '', cell: unit }),
    ...more,
  })) as NumberColumn;

/** `definition` says what the number is; without a unit it is a count, a share or a ratio. */
export const number = numberColumn({});
/** A column of whole numbers, written in full. */
export const count = numberColumn({ digits: 15 });

/** Without `cell`, the head at the layer and head of the row. */
export function head(): Column<HeadPlace>;
export function head<Row>(cell?: CellOf<Row>, name?: string, title?: string): Column<Row>;
export function head(
  cell: CellOf<never> = ({ layer, head: number }: HeadPlace) => ({ layer, head: number }),
  name = 'head',
  title = 'Head',
): Column<never> {
  return { name, title, kind: 'head', cell };
}

/** A column of strips of tokens, of the texts of the table. */
export const readings = <Row>(
  name: string,
  title: string,
  definition: string,
  cell: (row: Row) => Reading,
): Column<Row> => ({ name, title, kind: 'reading', definition, cell });

/** Left out where the page is narrow. */
export const wide = <Row>(column: Column<Row>): Column<Row> => ({ ...column, wide: true });

type TableMore = Undefinable<Pick<TableSection, 'ask' | 'empty' | 'texts' | 'around' | 'opensTexts'>>;

export function table<Row>(
  id: string,
  title: string,
  caption: string | undefined,
  rows: readonly Row[],
  columns: Parts<Column<NoInfer<Row>>>,
  more: TableMore = {},
): TableSection {
  const all = partsOf<Column<Row>>(columns);
  const cells = rows.map((row, at) => all.map(({ cell }) => cellOf(cell(row, at))));
  return cellTable(id, title, caption, all, cells, more);
}

/** A table whose rows are cells already, in the order of its columns. */
export const cellTable = (
  id: string,
  title: string,
  caption: string | undefined,
  columns: readonly SectionColumn[],
  rows: TableSection['rows'],
  more: TableMore = {},
): TableSection => ({
  kind: 'table',
  ...begun(id, title, caption, more),
  columns: columns.map((column) =>
    Object.fromEntries(Object.entries(column).filter(([field]) => field !== 'cell')),
  ) as readonly object[] as readonly SectionColumn[],
  rows,
});

// Charts

type Ends = Undefinable<Pick<SectionAxis, 'min' | 'max'>>;

/** Without a unit it counts or is a ratio. */
export const axis = (title: string, unit = '', ends: Ends = {}): SectionAxis => ({
  title,
  unit,
  scale: 'linear',
  ...defined<Pick<SectionAxis, 'min' | 'max'>>(ends),
});

/** From 0 to 1. */
export const shareAxis = (title: string): SectionAxis => axis(title, '', { min: 0, max: 1 });

export const logAxis = (title: string, scale: 'log2' | 'log10', unit = '', ends: Ends = {}): SectionAxis => ({
  ...axis(title, unit, ends),
  scale,
});

/** Names along an axis: x counts them from 0. */
export const categoryAxis = (title: string, categories: readonly string[]): SectionAxis => ({
  title,
  unit: '',
  scale: 'category',
  categories,
});

/** Numbers are the heights at 0, 1, and so on. */
const series =
  (mark: SectionSeries['mark']) =>
  (id: string, title: string, places: SectionSeries['points'] | readonly number[]): SectionSeries => ({
    id,
    title,
    mark,
    points: places.map((place, x) => (typeof place === 'number' ? { x, y: place } : place)),
  });

export const line = series('line');
export const bars = series('bars');
export const points = series('points');
export const stack = series('stack');

export const chart = (
  id: string,
  title: string,
  caption: string | undefined,
  x: SectionAxis,
  y: SectionAxis,
  all: Parts<SectionSeries>,
  more: Undefinable<Pick<ChartSection, 'ask' | 'empty' | 'references' | 'interval'>> = {},
): ChartSection => ({ kind: 'chart', ...begun(id, title, caption, more), x, y, series: partsOf(all) });

// Numbers of heads, tokens and image tokens

/** How most numbers become colours. */
export const ranges = {
  share: { kind: 'sequential', min: 0, max: 1 },
  fromZero: { kind: 'sequential', min: 0 },
  sequential: { kind: 'sequential' },
  diverging: { kind: 'diverging' },
} as const satisfies Readonly<Record<string, Scale>>;

/** `definition` says what the number is; without a unit it is a share or a count; `more`: the ends of its interval. */
export const scaled = <Values, More extends object = object>(
  scale: Scale,
  name: string,
  title: string,
  definition: string,
  values: Values,
  unit = '',
  more?: More,
) => ({ name, title, unit, definition, scale, values, ...(more ?? ({} as More)) });

const numbers =
  (scale: Scale) =>
  <Values, More extends object = object>(
    name: string,
    title: string,
    definition: string,
    values: Values,
    unit = '',
    more?: More,
  ) =>
    scaled(scale, name, title, definition, values, unit, more);

/** Numbers from 0 to 1. */
export const shares = numbers(ranges.share);
/** Numbers from 0 on. */
export const amounts = numbers(ranges.fromZero);
/** Numbers about 0. */
export const signed = numbers(ranges.diverging);

type HeadClass = NonNullable<HeadsSection['classes']>[number];

export const headClass = (
  name: string,
  title: string,
  definition: string,
  heads: readonly HeadPlace[],
  more: Undefinable<Pick<HeadClass, 'letter' | 'look' | 'scores' | 'ranks'>> = {},
): HeadClass => ({
  name,
  title,
  definition,
  heads,
  ...defined<Pick<HeadClass, 'letter' | 'look' | 'scores' | 'ranks'>>(more),
});

export const heads = (
  id: string,
  title: string,
  caption: string | undefined,
  layers: Parts<HeadsLayer>,
  more: Undefinable<
    Pick<HeadsSection, 'ask' | 'empty' | 'cell' | 'classes' | 'marked' | 'pictures' | 'rows' | 'stack'>
  > = {},
): HeadsSection => ({ kind: 'heads', ...begun(id, title, caption, more), numbers: partsOf(layers) });

// Sentences

export const paragraphs = (id: string, title: string, all: readonly string[]): TextSection => ({
  kind: 'text',
  id,
  title,
  paragraphs: all,
});
