import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { toCsv } from '../../../webviews/ui/csv';
import { sortRows, toMarkdown, type Column } from '../../../webviews/ui/table';

interface Row {
  readonly name: string;
  readonly time?: number;
}
const columns: readonly Column<Row>[] = [
  { id: 'name', title: 'Name', numeric: false, value: (row) => row.name },
  {
    id: 'time',
    title: 'Time',
    unit: 'ms',
    numeric: true,
    value: (row) => row.time,
    text: (row) => row.time?.toFixed(1) ?? '–',
  },
];
const rows: readonly Row[] = [
  { name: 'b', time: 10 },
  { name: 'none' },
  { name: 'a|c', time: 9 },
  { name: 'd, "e"', time: 10 },
];
const names = (sorted: readonly Row[]): string[] => sorted.map(({ name }) => name);

describe('a table', () => {
  it('sorts numbers as numbers, stays stable, and leaves missing values last both ways', () => {
    assert.deepEqual(names(sortRows(rows, columns, { column: 'time', descending: false })), [
      'a|c',
      'b',
      'd, "e"',
      'none',
    ]);
    assert.deepEqual(names(sortRows(rows, columns, { column: 'time', descending: true })), [
      'b',
      'd, "e"',
      'a|c',
      'none',
    ]);
    assert.deepEqual(names(sortRows(rows, columns, undefined)), names(rows));
    assert.deepEqual(names(sortRows(rows, columns, { column: 'gone', descending: true })), names(rows));
  });

  it('is copied as Markdown as shown', () => {
    assert.equal(
      toMarkdown(columns, rows.slice(0, 3)),
      ['| Name | Time (ms) |', '| --- | ---: |', '| b | 10.0 |', '| none | – |', '| a\\|c | 9.0 |'].join('\n'),
    );
  });

  it('is copied as CSV in full precision, with quotes where needed', () => {
    assert.equal(
      toCsv(columns, [{ name: 'd, "e"', time: 1 / 3 }, { name: 'none' }]),
      `name,time_ms\r\n"d, ""e""",${1 / 3}\r\nnone,\r\n`,
    );
  });
});
