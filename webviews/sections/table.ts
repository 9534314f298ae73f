import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { HeadPlace } from '../../protocol/schema/written-form';
import { signedPoints } from '../../protocol/results/share-change';
import { isReading, stripIn, stripText, type Reading } from '../../protocol/sections/reading';
import type { SectionCell, SectionColumn, TableSection } from '../../protocol/sections/table';
import { listed } from '../../protocol/wire/listed';
import { textWidth } from '../charts/text-width';
import { headName } from '../ui/head-names';
import { count, percent, signed, significant } from '../ui/numbers';
import type { CellValue, Column } from '../ui/table';
import type { Theme } from '../ui/theme';
import { foundRows, headsOfRows, leastSearched } from './found-rows';
import { fitted, smallSize, textMark } from './legend';
import { remembered } from './remembered';
import type { Mark, Scene } from './scene';
import { othersWords, readingWords, shadeScale, strip, stripMarks } from './strip';
import { twinColumn, type PageKind, type SectionActions, type Twin, type TwinRow } from './section-kind';
import { twinTable } from './twin-table';
import { shortened, withUnit } from './words';

const isHead = (cell: SectionCell | undefined): cell is HeadPlace =>
  typeof cell === 'object' && cell !== null && 'layer' in cell;

function valueOf(section: TableSection, cell: SectionCell | undefined): CellValue {
  if (cell === null || cell === undefined) return undefined;
  if (isReading(cell)) return stripText(stripIn(section, cell));
  return isHead(cell) ? headName(cell.layer, cell.head) : cell;
}

/** The cells of a row that are readings. */
const readingsIn = (row: TableSection['rows'][number] | undefined): readonly Reading[] => (row ?? []).filter(isReading);

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

const tableTwin = remembered((section: TableSection): Twin => {
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

const narrowTwin = remembered((section: TableSection): Twin => {
  const { columns, rows } = tableTwin(section);
  return { columns: columns.filter((_, at) => section.columns[at]?.wide !== true), rows };
});

const found = remembered((section: TableSection, find: string): readonly TwinRow[] =>
  foundRows(tableTwin(section).rows, section.columns.length, find),
);

/** Heads that are named as those with most of the rows that were found. */
const mostNamed = 5;

function search(
  { title, columns, rows: all }: TableSection,
  rows: readonly TwinRow[],
  find: string,
  actions: SectionActions,
): TemplateResult {
  const heads = headsOfRows(
    rows,
    columns.findIndex(({ kind }) => kind === 'head'),
    mostNamed,
  );
  const most = heads.length > 0 ? ` Most in ${listed(heads)}.` : '';
  const words =
    rows.length === 0 ? 'No row has this text.' : `${count(rows.length)} of ${count(all.length)} rows.${most}`;
  return html`<div class="table-search">
    <input
      type="search"
      class="table-find"
      aria-label=${`Find in ${title}`}
      placeholder="Find a token or text"
      title="Rows with this text; Escape shows all rows again"
      .value=${live(find)}
      @input=${(event: Event) => actions.view({ find: (event.target as HTMLInputElement).value, cursor: undefined })}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === 'Escape') actions.view({ find: undefined });
      }}
    />
    <span class="reason" role="status">${find.trim() === '' ? nothing : words}</span>
  </div>`;
}

export const tableKind: PageKind<TableSection> = {
  drawn: 'page',
  isTwin: true,
  isEmpty: ({ rows, columns }) => rows.length === 0 || columns.length === 0,
  twin: tableTwin,
  body: ({ section, view, compact, actions }) => {
    const twin = compact ? narrowTwin(section) : tableTwin(section);
    const find = section.rows.length < leastSearched ? '' : (view.find ?? '');
    const rows = found(section, find);
    return html`${section.rows.length < leastSearched ? nothing : search(section, rows, find, actions)}
    ${section.columns.some(({ kind }) => kind === 'reading') ? shadeScale : nothing}
    ${twinTable({
      caption: section.title,
      twin: { ...twin, rows },
      view,
      actions,
      ...(section.ask === undefined ? {} : { rowOf: (row: TwinRow) => String(row.at(-1)) }),
      ...(section.ask === undefined ? {} : { onAsk: (row: TwinRow) => asked(section, row, actions) }),
    })}`;
  },
  words: (section, cursor) => {
    const { columns, rows, texts = [] } = section;
    const row = rows[Number(cursor)];
    if (!row) return undefined;
    const first = columns
      .slice(0, 3)
      .flatMap(({ title, kind }, at) =>
        kind === 'reading' ? [] : [`${title} ${shortened(cellText(valueOf(section, row[at])), 60)}`],
      );
    const read = readingsIn(row).map((cell) => readingWords(texts[cell.text]?.tokens ?? [], cell));
    return [...(first.length > 0 ? [first.join(', ')] : []), ...read].join(': ');
  },
  place: ({ rows }, cursor) => (rows[Number(cursor)] ? { kind: 'row', row: Number(cursor) } : undefined),
  scene: twinScene,
};

/** Enter on the chosen row, as the button below the table. */
function asked({ rows }: TableSection, row: TwinRow, actions: SectionActions): void {
  const at = Number(row.at(-1));
  if (rows[at]) actions.ask({ kind: 'row', row: at });
}

const cellText = (value: CellValue): string =>
  typeof value === 'number' ? significant(value) : value === undefined || value === '' ? '–' : value;

const mostRows = 40;

/** The first rows, each column as wide as its widest cell as long as all of them fit; strips of tokens take several lines. */
function twinScene(section: TableSection, theme: Theme, width: number): Scene {
  const { columns, rows } = tableTwin(section);
  const size = smallSize(theme);
  const line = size + 7;
  const shown = rows.slice(0, mostRows);
  const texts = [
    columns.map(({ title, unit = '' }) => withUnit(title, unit)),
    ...shown.map((row) => columns.map((column) => shortened(column.text?.(row) ?? cellText(column.value(row)), 200))),
  ];
  const face = { font: theme.font };
  const wanted = columns.map((_, at) =>
    texts.reduce((most, row) => Math.max(most, textWidth(row[at] ?? '', size, face)), 12),
  );
  const gap = 16;
  const room = width - gap * Math.max(0, columns.length - 1);
  const total = wanted.reduce((sum, one) => sum + one, 0);
  const widths = total <= room ? wanted : wanted.map((one) => Math.max(24, (one * room) / total));
  const marks: Mark[] = [];
  let y = 0;
  texts.forEach((row, at) => {
    let x = 0;
    let height = line;
    row.forEach((text, column) => {
      const wide = widths[column] ?? 0;
      const numeric = columns[column]?.numeric === true;
      const cell = at === 0 ? undefined : section.rows[at - 1]?.[column];
      if (isReading(cell)) {
        const drawn = stripMarks(stripIn(section, cell), { x, y, width: wide, size, line }, theme);
        marks.push(...drawn.marks);
        height = Math.max(height, drawn.height);
      } else {
        marks.push(
          textMark(fitted(text, wide, size, theme.font), numeric ? x + wide : x, y + line - 5, theme, {
            anchor: numeric ? 'end' : 'start',
            fill: at === 0 ? theme.muted : theme.foreground,
          }),
        );
      }
      x += wide + gap;
    });
    y += height;
  });
  marks.push({ kind: 'path', d: `M0 ${line}L${width} ${line}`, stroke: theme.line, lineWidth: 1 });
  const more = rows.length - shown.length;
  if (more > 0) {
    y += line;
    marks.push(textMark(`${more.toLocaleString('en-US')} more rows are in the CSV file.`, 0, y - 5, theme));
  }
  return { width, height: y + 2, marks };
}
