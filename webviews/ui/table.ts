/**
 * Tables of every panel: sortable by each column, numbers right-aligned in tabular digits, the unit in the head, copied as
 * Markdown or CSV (csv.ts). A table scrolls inside itself, never the page.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

export type CellValue = number | string | undefined;

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly unit?: string;
  readonly numeric: boolean;
  /** Said on hover of the head: what the number is. */
  readonly hint?: string;
  /** What is sorted and written to CSV, in full precision. */
  readonly value: (row: Row) => CellValue;
  /** What is shown and copied as Markdown; absent: the value itself. */
  readonly text?: (row: Row) => string;
  /** What is drawn where it is more than text. */
  readonly cell?: (row: Row) => TemplateResult | string;
}

type Rest<Row> = Omit<Partial<Column<Row>>, 'id' | 'title' | 'numeric' | 'value'>;

export const textColumn = <Row>(
  id: string,
  title: string,
  value: (row: Row) => CellValue,
  rest?: Rest<Row>,
): Column<Row> => ({ id, title, numeric: false, value, ...rest });

/** Numbers written as they are, or as `rest` says. */
export const countColumn = <Row>(
  id: string,
  title: string,
  value: (row: Row) => CellValue,
  rest?: Rest<Row>,
): Column<Row> => ({ id, title, numeric: true, value, ...rest });

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

/** Stable; missing values stay last in both directions. */
export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: Sort | undefined): Row[] {
  const column = columns.find(({ id }) => id === sort?.column);
  if (!sort || !column) return [...rows];
  const sign = sort.descending ? -1 : 1;
  return rows
    .map((row, index) => ({ row, index, value: column.value(row) }))
    .sort((a, b) => {
      if (a.value === undefined || b.value === undefined) {
        return (a.value === undefined ? 1 : 0) - (b.value === undefined ? 1 : 0) || a.index - b.index;
      }
      const order =
        typeof a.value === 'number' && typeof b.value === 'number'
          ? a.value - b.value
          : String(a.value).localeCompare(String(b.value), 'en', { numeric: true });
      return sign * order || a.index - b.index;
    })
    .map(({ row }) => row);
}

const heading = <Row>(column: Column<Row>): string => (column.unit ? `${column.title} (${column.unit})` : column.title);
const shown = <Row>(column: Column<Row>, row: Row): string => column.text?.(row) ?? String(column.value(row) ?? '–');

export function toMarkdown<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [
    line(columns.map(heading)),
    line(columns.map((column) => (column.numeric ? '---:' : '---'))),
    ...rows.map((row) => line(columns.map((column) => shown(column, row)))),
  ].join('\n');
}

export interface TableOptions<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly key: (row: Row) => string;
  readonly sort?: Sort | undefined;
  readonly onSort?: (sort: Sort) => void;
  readonly selected?: string | undefined;
  readonly onSelect?: (row: Row) => void;
  /** Enter on the row that is selected, or a double click. */
  readonly onOpen?: (row: Row) => void;
  /** A row that has no numbers says why over the rest of its columns, from the given one on. */
  readonly instead?: (row: Row) => { readonly from: number; readonly content: TemplateResult } | undefined;
  readonly rowClass?: (row: Row) => string;
}

export function table<Row>(options: TableOptions<Row>): TemplateResult {
  const { columns, sort } = options;
  const rows = sortRows(options.rows, columns, sort);
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${options.caption}>
    <table class=${options.onSelect ? 'selectable' : ''}>
      <caption class="unseen">
        ${options.caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => headCell(column, sort, options.onSort))}
        </tr>
      </thead>
      <tbody @keydown=${options.onSelect ? (event: KeyboardEvent) => moveRow(event) : nothing}>
        ${repeat(rows, options.key, (row, index) => bodyRow(options, row, index))}
      </tbody>
    </table>
  </div>`;
}

function headCell<Row>(
  column: Column<Row>,
  sort: Sort | undefined,
  onSort: ((sort: Sort) => void) | undefined,
): TemplateResult {
  const active = sort?.column === column.id;
  const direction = active ? (sort.descending ? 'descending' : 'ascending') : 'none';
  const label = html`${column.title}${column.unit ? html`<span class="unit"> ${column.unit}</span>` : nothing}`;
  return html`<th
    scope="col"
    class=${column.numeric ? 'number' : ''}
    aria-sort=${onSort ? direction : nothing}
    title=${column.hint ?? nothing}
  >
    ${
      onSort
        ? html`<button
            type="button"
            class="sort ${direction}"
            @click=${() => onSort({ column: column.id, descending: active ? !sort.descending : false })}
          >
            ${label}
          </button>`
        : label
    }
  </th>`;
}

function bodyRow<Row>(options: TableOptions<Row>, row: Row, index: number): TemplateResult {
  const { columns, onSelect, onOpen } = options;
  const instead = options.instead?.(row);
  const key = options.key(row);
  const selected = options.selected === key;
  const cells = instead ? columns.slice(0, instead.from) : columns;
  return html`<tr
    class=${`${selected ? 'selected' : ''} ${options.rowClass?.(row) ?? ''}`}
    data-key=${key}
    tabindex=${onSelect ? (index === 0 ? 0 : -1) : nothing}
    aria-selected=${onSelect ? selected : nothing}
    @click=${onSelect ? () => onSelect(row) : nothing}
    @dblclick=${onOpen ? () => onOpen(row) : nothing}
    @keydown=${
      onSelect
        ? (event: KeyboardEvent) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            if (event.key === 'Enter' && selected && onOpen) onOpen(row);
            else onSelect(row);
          }
        : nothing
    }
  >
    ${cells.map((column, at) => {
      const content = column.cell?.(row) ?? shown(column, row);
      return at === 0
        ? html`<th scope="row" class=${column.numeric ? 'number' : ''}>${content}</th>`
        : html`<td class=${column.numeric ? 'number' : isLong(content) ? 'long' : ''}>${content}</td>`;
    })}
    ${instead ? html`<td class="instead" colspan=${columns.length - instead.from}>${instead.content}</td>` : nothing}
  </tr>`;
}

/** Characters of a text that takes several lines rather than being cut off. */
const longText = 48;
const isLong = (content: TemplateResult | string): boolean => typeof content === 'string' && content.length > longText;

/** Up and Down walk the rows; only one of them is a stop of the Tab key. */
function moveRow(event: KeyboardEvent): void {
  const row = (event.target as HTMLElement).closest('tr');
  const to =
    event.key === 'ArrowDown' ? row?.nextElementSibling : event.key === 'ArrowUp' ? row?.previousElementSibling : null;
  if (!row || !(to instanceof HTMLElement)) return;
  event.preventDefault();
  row.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}
