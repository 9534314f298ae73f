/** A table to the clipboard, with all its rows. */
import { html, type TemplateResult } from 'lit';
import { button } from '../../ui/controls';
import { toCsv } from '../../ui/csv';
import { toMarkdown, type Column } from '../../ui/table';
import type { Part } from './actions';

export const copyButtons = <Row>(
  { actions }: Part,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): TemplateResult =>
  html`<div class="section-head">
    <div class="toolbar" role="group" aria-label="Copy the table">
      ${button({ label: 'Copy as Markdown', icon: 'copy', appearance: 'icon', onClick: () => actions.copy(toMarkdown(columns, rows), 'The table as Markdown') })}
      ${button({ label: 'Copy as CSV', icon: 'table', appearance: 'icon', onClick: () => actions.copy(toCsv(columns, rows), 'The table as CSV') })}
    </div>
  </div>`;
