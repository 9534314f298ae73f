/** Tables as CSV (protocol/wire/csv.ts). */
import { csvText } from '../../protocol/wire/csv';
import { type CellValue, type Column, textColumn } from './table';

/** One head line, then the rows. */
export const toCsv = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string =>
  csvText([
    columns.map((column) => (column.unit ? `${column.id}_${column.unit}` : column.id)),
    ...rows.map((row) => columns.map((column) => column.value(row))),
  ]);

/** Columns of a file for machines: their ids are their titles, their values are written in full. */
export const plainColumns = <Row>(values: Readonly<Record<string, (row: Row) => CellValue>>): readonly Column<Row>[] =>
  Object.entries(values).map(([id, value]) => textColumn(id, id, value));

/** What made a row stands in each of them, so that any reader of CSV can use the file. */
export const constantColumns = <Row>(values: Readonly<Record<string, CellValue>>): readonly Column<Row>[] =>
  plainColumns(Object.fromEntries(Object.entries(values).map(([id, value]) => [id, () => value])));
