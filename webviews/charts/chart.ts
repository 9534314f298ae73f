/**
 * What a chart is before it is drawn: series of points on two axes, reference lines, marks, and its table twin.
 * Every file beside this one that describes a chart returns one of these; `draw.ts` turns it into an ECharts option.
 */
import type { Column } from '../ui/table';
import type { Identity } from './palette';

export interface Axis {
  readonly name: string;
  /** Written in brackets behind the name. */
  readonly unit?: string;
  /** Absent: logarithmic. `category`: values count the categories from 0. */
  readonly scale?: 'linear' | 'category';
  /** How many categories a `category` axis has. */
  readonly categories?: number;
  /** Ends that the axis has in any case. */
  readonly min?: number;
  readonly max?: number;
  /** For a logarithmic axis: ticks at powers of two (lengths, ratios) or at 1-2-5 (times, bytes). */
  readonly base: 2 | 10;
  readonly format: (value: number) => string;
  /** Ticks at whole numbers alone: layers, tokens. */
  readonly whole?: true;
  /** Values the axis shows in any case: planned lengths, a baseline. */
  readonly include?: readonly number[];
}

/** Names a point across charts and tables: the same pin shows everywhere. */
export interface PointKey {
  readonly series: string;
  readonly at: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Interval of the spread band. */
  readonly low?: number;
  readonly high?: number;
  /** Where its bar begins, in a stack; absent: at zero. */
  readonly base?: number;
  readonly key: PointKey;
  /** The exact value with its unit and spread, as hover and screen readers give it. */
  readonly text: string;
  /** Still being measured. */
  readonly provisional?: boolean;
}

export interface Series {
  /** Unique within the chart. */
  readonly id: string;
  readonly identity: Identity;
  readonly title: string;
  readonly points: readonly Point[];
  /** `prediction` is a dashed line without symbols, `other` a second result drawn hollow and faint. */
  readonly role: 'measured' | 'prediction' | 'other';
  /** Absent: a line. Bars of a `stack` have the same place along x, each from its `base` to y. */
  readonly mark?: 'points' | 'bars' | 'stack';
}

export interface Reference {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly label: string;
  readonly identity?: Identity;
  /** The side of its line the label stands on. */
  readonly labelAt?: 'start' | 'end';
}

/** A value of x that matters for some classes, e.g. the length from which they beat the baseline. */
export interface Mark {
  readonly x: number;
  readonly identities: readonly Identity[];
  readonly label: string;
}

export interface TableTwin {
  readonly columns: readonly Column<TwinRow>[];
  readonly rows: readonly TwinRow[];
}
export type TwinRow = Readonly<Record<string, number | string | undefined>>;

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What is drawn and how it was got, in a sentence: tooltip of the title, description for screen readers. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly references: readonly Reference[];
  readonly marks: readonly Mark[];
  readonly twin: TableTwin;
  /** Hover gives all series at the nearest x (lengths), or the one point under the pointer. */
  readonly hover: 'x' | 'point';
  /** Said in the picture's place while there is nothing to draw. */
  readonly empty: string;
  /** What its kinds of lines and points are, said under it while no value is. */
  readonly key?: string;
}

export const samePoint = (a: PointKey | undefined, b: PointKey | undefined): boolean =>
  a?.series === b?.series && a?.at === b?.at;

/** Rows by x, one column a series: the twin of the charts over length. */
export function twinByX(
  x: { readonly title: string; readonly unit?: string },
  y: { readonly unit?: string; readonly format: (value: number) => string },
  series: readonly Series[],
): TableTwin {
  const lengths = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const columns: Column<TwinRow>[] = [
    {
      id: 'x',
      title: x.title,
      ...(x.unit === undefined ? {} : { unit: x.unit }),
      numeric: true,
      value: (row) => row['x'],
      text: (row) => Number(row['x']).toLocaleString('en-US'),
    },
    ...series.map((one): Column<TwinRow> => ({
      id: one.id,
      title: one.title,
      ...(y.unit === undefined ? {} : { unit: y.unit }),
      numeric: true,
      value: (row) => row[one.id],
      text: (row) => {
        const value = row[one.id];
        return typeof value === 'number' ? y.format(value) : '–';
      },
    })),
  ];
  const rows = lengths.map((at): TwinRow => {
    const entries = series.map(({ id, points }) => [id, points.find((point) => point.x === at)?.y] as const);
    return Object.fromEntries([['x', at] as const, ...entries]);
  });
  return { columns, rows };
}
