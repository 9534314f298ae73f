/** Tables of a page that leaves a panel, as markup. */
import { escapeXml } from '../../protocol/wire/escape-xml';
import type { Column } from '../ui/table';

/** `cells` writes a row that is no plain row of cells. */
export const htmlTable = <Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cells: (row: Row) => string = (row) => htmlCells(columns, row),
): string => `<div class="frame"><table>
<caption>${escapeXml(caption)}</caption>
<thead><tr>${columns.map((column) => `<th${column.numeric ? ' class="number"' : ''}>${escapeXml(column.title)}${column.unit ? ` (${escapeXml(column.unit)})` : ''}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}
</tbody>
</table></div>`;

export const htmlCells = <Row>(columns: readonly Column<Row>[], row: Row): string =>
  columns.map((column, at) => htmlCell(cellText(column, row), at === 0, column.numeric)).join('');

export const htmlCell = (text: string, head: boolean, numeric: boolean, span = 1): string =>
  `<${head ? 'th' : 'td'}${numeric ? ' class="number"' : ''}${span > 1 ? ` colspan="${span}"` : ''}>${escapeXml(text)}</${head ? 'th' : 'td'}>`;

export const cellText = <Row>(column: Column<Row> | undefined, row: Row): string =>
  column?.text?.(row) ?? String(column?.value(row) ?? '–');
