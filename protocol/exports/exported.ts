/** The numbers of a result as tables and arrays, before they are written in a form of files. */

/** How values are held: float64 with NaN where there is none, int64, or text. */
type ColumnType = 'number' | 'whole' | 'text';

/** What a person needs to know of numbers. */
export interface Described {
  readonly title: string;
  /** Empty for a share or a count without a unit. */
  readonly unit: string;
  readonly definition: string;
}

export interface ExportedColumn extends Described {
  /** Letters, digits, `_`, `-` and `.`; no other column of its table has it. */
  readonly name: string;
  readonly type: ColumnType;
  /** Undefined, or NaN, where there is none. */
  readonly values: readonly (number | string | undefined)[];
}

export interface ExportedTable {
  /** As that of a column: no other table of the result has it, whatever the case of its letters. */
  readonly name: string;
  readonly title: string;
  readonly rows: number;
  readonly columns: readonly ExportedColumn[];
  /** Its numbers are arrays too: forms that hold arrays leave the table out. */
  readonly isInArrays: boolean;
}

export interface ExportedAxis {
  /** `layer`, `head`, `row`, … */
  readonly name: string;
  readonly title: string;
  readonly labels?: readonly string[];
}

export interface ExportedArray extends Described {
  readonly name: string;
  readonly type: 'number' | 'whole' | 'flag';
  /** One for each dimension, the slowest first. */
  readonly axes: readonly ExportedAxis[];
  readonly shape: readonly number[];
  /** Row after row; flags as 0 and 1. */
  readonly data: Float64Array;
}

export interface Exported {
  readonly tables: readonly ExportedTable[];
  readonly arrays: readonly ExportedArray[];
  /** Sentences: what of the result no form of file holds. */
  readonly leftOut: readonly string[];
}

/** What made the numbers; it goes into each file. */
export interface About {
  /** Version that writes the file. */
  readonly headscope: string;
  /** When the file is written, ISO time. */
  readonly created: string;
  readonly of: Readonly<Record<string, unknown>>;
}

/** Names that are free: each is made of what files and languages take, and differs from those before whatever the case of its letters. */
export class Names {
  private readonly taken = new Set<string>();

  /** `wanted`: any text. */
  free(wanted: string): string {
    const clean = wanted
      .replaceAll(/[^\w.-]+/g, '_')
      .replaceAll(/^[.\-]+|\.+$/g, '')
      .slice(0, longestName);
    const name = clean === '' ? 'unnamed' : reserved.test(clean) ? `_${clean}` : clean;
    let free = name;
    for (let number = 2; this.taken.has(free.toLowerCase()); number += 1) free = `${name}-${number}`;
    this.taken.add(free.toLowerCase());
    return free;
  }
}

const longestName = 80;
/** Names that Windows keeps for devices, with any ending. */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu;

export const wholeColumn = (name: string, title: string, values: readonly number[]): ExportedColumn => ({
  ...{ name, title, unit: '', definition: '' },
  type: 'whole',
  values,
});

export const textColumn = (name: string, title: string, values: readonly (string | undefined)[]): ExportedColumn => ({
  ...{ name, title, unit: '', definition: '' },
  type: 'text',
  values,
});

export const numberColumn = (
  name: string,
  { title, unit, definition }: Described,
  values: readonly (number | undefined)[],
): ExportedColumn => ({ ...{ name, title, unit, definition }, type: 'number', values });

/** Columns of the same rows, each a function of a row and its place. */
export const over = <Row>(
  rows: readonly Row[],
): {
  readonly whole: (name: string, title: string, value: (row: Row, at: number) => number) => ExportedColumn;
  readonly text: (name: string, title: string, value: (row: Row, at: number) => string | undefined) => ExportedColumn;
  readonly number: (
    name: string,
    about: Described,
    value: (row: Row, at: number) => number | undefined,
  ) => ExportedColumn;
} => ({
  whole: (name, title, value) => wholeColumn(name, title, rows.map(value)),
  text: (name, title, value) => textColumn(name, title, rows.map(value)),
  number: (name, about, value) => numberColumn(name, about, rows.map(value)),
});
