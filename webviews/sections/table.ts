import { html, nothing } from 'lit';
import { isReading, stripIn } from '../../protocol/sections/reading';
import type { TableSection } from '../../protocol/sections/table';
import { textWidth } from '../charts/text-width';
import { significant } from '../ui/numbers';
import type { CellValue } from '../ui/table';
import type { Theme } from '../ui/theme';
import { leastSearched } from './found-rows';
import { fitted, smallSize, textMark } from './legend';
import { rowSearch } from './row-search';
import type { Mark, Scene } from './scene';
import type { PageKind, SectionActions, TwinRow } from './section-kind';
import { readingWords, shadeScale, stripMarks } from './strip';
import { foundIn, narrowTwin, readingsIn, tableTwin, valueOf } from './table-twin';
import { twinTable } from './twin-table';
import { shortened, withUnit } from './words';

export const tableKind: PageKind<TableSection> = {
  drawn: 'page',
  isTwin: true,
  isEmpty: ({ rows, columns }) => rows.length === 0 || columns.length === 0,
  twin: tableTwin,
  body: ({ section, view, compact, actions }) => {
    const twin = compact ? narrowTwin(section) : tableTwin(section);
    const find = section.rows.length < leastSearched ? '' : (view.find ?? '');
    const rows = foundIn(section, find);
    const onFind = (text: string): void => actions.view({ find: text === '' ? undefined : text, cursor: undefined });
    const { chooseHead } = actions;
    return html`${section.rows.length < leastSearched ? nothing : rowSearch({ table: section, find, onFind, chooseHead })}
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
