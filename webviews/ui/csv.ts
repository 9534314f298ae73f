/**
 * The one writer of CSV. Spreadsheets run a cell that begins with =, +, - or @ as a formula, also behind a tab or a line
 * break (OWASP, "CSV Injection"), and names of models, heads' groups, tokens and files come from other people: such a text
 * gets an apostrophe in front, which they do not show. Numbers are numbers, negative ones too.
 */
import { type CellValue, type Column, textColumn } from './table';

/** With the full-width forms, which spreadsheets take alike. */
const startsFormula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`;
/** A number as text, or several in one cell: `-0.5;;2`. */
const numbers = new RegExp(`^(?:${number})?(?:;(?:${number})?)*$`);

const harmless = (text: string): string => (startsFormula.test(text) && !numbers.test(text) ? `'${text}` : text);

function cell(value: CellValue): string {
  if (value === undefined) return '';
  const text = typeof value === 'number' ? String(value) : harmless(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180, numbers in full precision with a point, one head line. */
export function toCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return [
    columns.map((column) => cell(column.unit ? `${column.id}_${column.unit}` : column.id)).join(','),
    ...rows.map((row) => columns.map((column) => cell(column.value(row))).join(',')),
  ]
    .map((line) => `${line}\r\n`)
    .join('');
}

/** Columns of a file for machines: their ids are their titles, their values are written in full. */
export const plainColumns = <Row>(values: Readonly<Record<string, (row: Row) => CellValue>>): readonly Column<Row>[] =>
  Object.entries(values).map(([id, value]) => textColumn(id, id, value));

/** What made a row stands in each of them, so that any reader of CSV can use the file. */
export const constantColumns = <Row>(values: Readonly<Record<string, CellValue>>): readonly Column<Row>[] =>
  plainColumns(Object.fromEntries(Object.entries(values).map(([id, value]) => [id, () => value])));
