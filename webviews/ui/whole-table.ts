/** Beside a table that may be long: all of its rows to the clipboard, and the way to those that are not shown. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnyPart } from './actions';
import { button } from './controls';
import { toCsv } from './csv';
import { count } from './numbers';
import { toMarkdown, type Column } from './table';

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

/** A link to the rows that are not shown. */
export const others = (missing: number, noun: string, show: () => void): TemplateResult | typeof nothing =>
  missing > 0
    ? html`<button type="button" class="link" @click=${show}>Show the other ${count(missing)} ${noun}</button>`
    : nothing;
