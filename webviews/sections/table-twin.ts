/** The rows of a table as they are shown, found and sorted. */
import type { TemplateResult } from 'lit';
import type { HeadPlace } from '../../protocol/schema/written-form';
import { signedPoints } from '../../protocol/results/share-change';
import { isReading, stripIn, stripText, type Reading } from '../../protocol/sections/reading';
import type { SectionCell, SectionColumn, TableSection } from '../../protocol/sections/table';
import { headName } from '../ui/head-names';
import { count, percent, signed, significant } from '../ui/numbers';
import type { CellValue, Column } from '../ui/table';
import { foundRows } from './found-rows';
import { remembered } from './remembered';
import { twinColumn, type Twin, type TwinRow } from './section-kind';
import { othersWords, strip } from './strip';

const isHead = (cell: SectionCell | undefined): cell is HeadPlace =>
  typeof cell === 'object' && cell !== null && 'layer' in cell;

export function valueOf(section: TableSection, cell: SectionCell | undefined): CellValue {
  if (cell === null || cell === undefined) return undefined;
  if (isReading(cell)) return stripText(stripIn(section, cell));
  return isHead(cell) ? headName(cell.layer, cell.head) : cell;
}

/** The cells of a row that are readings. */
export const readingsIn = (row: TableSection['rows'][number] | undefined): readonly Reading[] =>
  (row ?? []).filter(isReading);

/** More digits than the usual three are asked for, and all numbers are whole: decimals would say nothing. */
const isCount = (rows: TableSection['rows'], at: number, digits = 3): boolean =>
  digits > 3 && rows.every((row) => typeof row[at] !== 'number' || Number.isInteger(row[at]));

function writer({ as, digits }: SectionColumn, isWhole: boolean): (value: number) => string {
  switch (as) {
    case 'percent':
      return (value) => percent(value, digits);
    case 'points':
      return (value) => `${signedPoints(value)} points`;
    case 'signed':
      return (value) => signed(value, digits);
    case undefined:
    default:
      return isWhole ? count : (value) => significant(value, digits);
  }
}

export const tableTwin = remembered((section: TableSection): Twin => {
  const { columns, rows } = section;
  return {
    columns: columns.map((column, at): Column<TwinRow> => ({
      ...twinColumn(at, column.name, column.title, {
        ...(column.unit === undefined ? {} : { unit: column.unit }),
        ...(column.definition === undefined ? {} : { hint: column.definition }),
        ...(column.kind === 'number' ? { text: writer(column, isCount(rows, at, column.digits)) } : {}),
      }),
      ...(column.kind === 'reading'
        ? { cell: (row: TwinRow) => stripCell(section, rows[Number(row.at(-1))]?.[at]) }
        : {}),
    })),
    // The place of the row comes last: it says which one is asked about, however the rows are sorted.
    rows: rows.map((row, at): TwinRow => [...columns.map((_, column) => valueOf(section, row[column])), at]),
  };
});

const stripCell = (section: TableSection, cell: SectionCell | undefined): TemplateResult | string =>
  isReading(cell) ? strip(stripIn(section, cell), othersWords(cell)) : '–';

export const narrowTwin = remembered((section: TableSection): Twin => {
  const { columns, rows } = tableTwin(section);
  return { columns: columns.filter((_, at) => section.columns[at]?.wide !== true), rows };
});

/** Rows with a text, as those of the twin. */
export const foundIn = remembered((section: TableSection, find: string): readonly TwinRow[] =>
  foundRows(tableTwin(section).rows, section.columns.length, find),
);

/** The heads of rows of the twin, where a column names them. */
export function headsOf({ columns, rows }: TableSection, of: readonly TwinRow[]): readonly HeadPlace[] {
  const column = columns.findIndex(({ kind }) => kind === 'head');
  return of.flatMap((row) => {
    const cell = rows[Number(row.at(-1))]?.[column];
    return isHead(cell) ? [cell] : [];
  });
}
