/** The files that the numbers of a result are written to. */
import { csvText } from '../wire/csv';
import { printableLine } from '../wire/printable';
import { arrowFile } from './arrow';
import { utf8 } from './bytes';
import { aboutWords, columnWords } from './described';
import type { About, Exported, ExportedArray, ExportedTable } from './exported';
import { npzFile } from './npz';
import { safetensorsFile } from './safetensors';
import { zipFile } from './zip';

/** Forms that hold everything in one file, and those that hold one table a file. */
const wholeFormats = ['npz', 'safetensors', 'json'] as const;
const singleFormats = ['csv', 'arrow'] as const;
export const numberFormats = [...wholeFormats, ...singleFormats] as const;

export type WholeFormat = (typeof wholeFormats)[number];
export type SingleFormat = (typeof singleFormats)[number];
export type NumberFormat = (typeof numberFormats)[number];

export const isSingle = (format: NumberFormat): format is SingleFormat =>
  (singleFormats as readonly string[]).includes(format);

export function wholeFile(format: WholeFormat, exported: Exported, about: About): Uint8Array {
  switch (format) {
    case 'npz':
      return npzFile(exported, about);
    case 'safetensors':
      return safetensorsFile(exported, about);
    case 'json':
      return utf8(`${JSON.stringify(jsonOf(exported, about))}\n`);
  }
}

export function tableFile(format: SingleFormat, table: ExportedTable, exported: Exported, about: About): Uint8Array {
  return format === 'csv' ? utf8(csvOf(table, about)) : arrowFile(table, arrowWords(table, exported, about));
}

/** A file for each table, in one archive. */
export function arrowFiles(exported: Exported, about: About): Uint8Array {
  return zipFile(
    exported.tables.map((table) => ({
      name: `${table.name}.arrow`,
      content: tableFile('arrow', table, exported, about),
    })),
  );
}

/** `headscope_export` first: the mark, by which a file is known before it is replaced. */
function arrowWords(table: ExportedTable, exported: Exported, about: About): Readonly<Record<string, string>> {
  const axes = exported.arrays.filter(({ name }) => name === table.name).flatMap((array) => array.axes);
  return {
    headscope_export: about.headscope,
    title: table.title,
    export: JSON.stringify(aboutWords(about, exported)),
    ...(axes.length > 0 ? { axes: JSON.stringify(axes.map(({ name, title }) => ({ name, title }))) } : {}),
  };
}

/** Lines before the head of the columns, which say what they are. */
const csvWords = ({ title, columns }: ExportedTable, { headscope }: About): readonly string[] =>
  [
    `Written by Headscope ${headscope}`,
    title,
    ...columns.map((column) => {
      const unit = column.unit === '' ? '' : ` (${column.unit})`;
      return `${column.name}: ${column.title}${unit}.${column.definition === '' ? '' : ` ${column.definition}`}`;
    }),
  ].map((line) => `# ${printableLine(line.replaceAll(/\s+/g, ' '))}`);

function csvOf(table: ExportedTable, about: About): string {
  const { columns, rows } = table;
  const lines = Array.from({ length: rows }, (_, row) =>
    columns.map(({ values }) => {
      const value = values[row];
      return typeof value === 'number' && Number.isNaN(value) ? undefined : value;
    }),
  );
  const words = csvWords(table, about).map((line) => `${line}\r\n`);
  return `${words.join('')}${csvText([columns.map(({ name }) => name), ...lines])}`;
}

/** Columns, and arrays as nested lists; null where there is no number. */
function jsonOf(exported: Exported, about: About): unknown {
  const { tables, arrays } = exported;
  return {
    kind: 'headscope-export',
    ...aboutWords(about, exported),
    tables: tables
      .filter(({ isInArrays }) => !isInArrays)
      .map(({ name, title, columns }) => ({
        name,
        title,
        columns: columns.map((column) => ({
          name: column.name,
          ...columnWords(column),
          values: column.values.map((value) => value ?? null),
        })),
      })),
    arrays: arrays.map(({ name, title, unit, definition, type, axes, shape, data }) => ({
      ...{ name, title, unit, definition, type, axes, shape },
      values: nested(shape, data, type),
    })),
  };
}

function nested(shape: readonly number[], data: Float64Array, type: ExportedArray['type']): unknown {
  const [rows = 0, ...inner] = shape;
  if (inner.length === 0) return Array.from(data, (value) => (type === 'flag' ? value === 1 : value));
  const size = inner.reduce((product, length) => product * length, 1);
  return Array.from({ length: rows }, (_, row) => nested(inner, data.subarray(row * size, (row + 1) * size), type));
}
