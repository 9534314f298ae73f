/** A table that may be long: its first rows, the rest on demand, all of them to the clipboard. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnyPart } from './actions';
import { button } from './controls';
import { toCsv } from './csv';
import { count } from './numbers';
import { sortRows, table, toMarkdown, type Column, type TableOptions } from './table';

/** Rows of one page: a thousand heads are a thousand rows, but never all in the page. */
export const pageOfRows = 64;

interface Copying {
  readonly actions: Pick<AnyPart['actions'], 'copy'>;
}

/** `rows`: all of them, in the order of the screen; `before`: lines over the table as Markdown. */
export const copyTools = <Row>(
  { actions }: Copying,
  columns: readonly Column<Row>[],
  rows: () => readonly Row[],
  before = '',
): TemplateResult =>
  html`<div class="toolbar" role="group" aria-label="Copy the table">
    ${button({ label: 'Copy as Markdown', icon: 'copy', appearance: 'icon', onClick: () => actions.copy(before + toMarkdown(columns, rows()), 'The table as Markdown') })}
    ${button({ label: 'Copy as CSV', icon: 'table', appearance: 'icon', onClick: () => actions.copy(toCsv(columns, rows()), 'The table as CSV') })}
  </div>`;

const copyButtons = <Row>(
  part: Copying,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  before = '',
): TemplateResult => html`<div class="section-head">${copyTools(part, columns, () => rows, before)}</div>`;

export interface WholeTable<Row> extends TableOptions<Row> {
  /** What a row is, in the plural. */
  readonly noun: string;
  /** Whether all rows are shown. */
  readonly whole: boolean;
  readonly onWhole: () => void;
  readonly before?: string;
}

export function wholeTable<Row>(part: Copying, options: WholeTable<Row>): TemplateResult {
  const all = sortRows(options.rows, options.columns, options.sort);
  const rows = options.whole ? all : all.slice(0, pageOfRows);
  return html`${copyButtons(part, options.columns, all, options.before)} ${table({ ...options, rows })}
  ${others(all.length - rows.length, options.noun, options.onWhole)}`;
}

/** A link to the rows that are not shown. */
export const others = (missing: number, noun: string, show: () => void): TemplateResult | typeof nothing =>
  missing > 0
    ? html`<button type="button" class="link" @click=${show}>Show the other ${count(missing)} ${noun}</button>`
    : nothing;
