/** A page that loads nothing, and runs nothing but the one script that is given, with the result as data inside. */
import type { Theme } from '../ui/theme';
import type { Column } from '../ui/table';
import { escapeXml } from './image';

export interface HtmlPage {
  readonly title: string;
  /** Markup: pictures and tables. */
  readonly body: string;
  /** Rules beside those every page has. */
  readonly css?: string;
  readonly data: unknown;
  readonly theme: Theme;
  /** Runs when all of the page is there; the policy allows it by its hash and no other, and no evaluation of text. */
  readonly script?: { readonly text: string; readonly hash: string };
}

export const htmlPage = ({ title, body, css, data, theme, script }: HtmlPage): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:${script ? `; script-src '${script.hash}'` : ''}">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>
body { margin: 24px auto; max-width: 1180px; padding: 0 16px; background: ${theme.background}; color: ${theme.foreground}; font: ${theme.fontSize}px/1.5 system-ui, sans-serif; }
svg { max-width: 100%; height: auto; }
.frame { overflow-x: auto; margin-bottom: 24px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 12px 2px 0; text-align: left; font-weight: normal; white-space: nowrap; }
thead th { border-bottom: 1px solid ${theme.line}; color: ${theme.muted}; }
caption { text-align: left; font-weight: 600; }
.number { text-align: right; }
${css ?? ''}</style>
</head>
<body>
${body}
<script type="application/json" id="headscope-result">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
${script ? `<script>${script.text}</script>\n` : ''}</body>
</html>
`;

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
