/** The field that finds rows with a text, and the heads that have most of them. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { HeadPlace } from '../../protocol/schema/written-form';
import type { TableSection } from '../../protocol/sections/table';
import { headName } from '../ui/head-names';
import { count } from '../ui/numbers';
import { headsOfRows } from './found-rows';
import { foundIn, headsOf } from './table-twin';

/** Heads that are named as those with most of the rows that were found. */
const mostNamed = 5;

interface Search {
  readonly table: TableSection;
  readonly find: string;
  readonly onFind: (find: string) => void;
  /** Where a head that is named can be chosen. */
  readonly chooseHead?: ((head: HeadPlace) => void) | undefined;
}

export function rowSearch({ table, find, onFind, chooseHead }: Search): TemplateResult {
  return html`<div class="table-search">
    <input
      type="search"
      class="table-find"
      aria-label=${`Find in ${table.title}`}
      placeholder=${table.columns.some(({ kind }) => kind === 'text' || kind === 'reading') ? 'Find a token or text' : 'Find L5H3'}
      title="Rows with this text; Escape shows all rows again"
      .value=${live(find)}
      @input=${(event: Event) => onFind((event.target as HTMLInputElement).value)}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === 'Escape') onFind('');
      }}
    />
    <span class="reason" role="status">${find.trim() === '' ? nothing : words(table, find, chooseHead)}</span>
  </div>`;
}

function words(table: TableSection, find: string, chooseHead: Search['chooseHead']): TemplateResult | string {
  const rows = foundIn(table, find);
  if (rows.length === 0) return 'No row has this text.';
  const heads = headsOfRows(headsOf(table, rows)).slice(0, mostNamed);
  const named = heads.map(({ head, rows: of }, at) => {
    const name = headName(head.layer, head.head);
    const shown = chooseHead
      ? html`<button type="button" class="link" title="Show its rows" @click=${() => chooseHead(head)}>${name}</button>`
      : name;
    return html`${at === 0 ? '' : at === heads.length - 1 ? ' and ' : ', '}${shown} (${of})`;
  });
  return html`${count(rows.length)} of ${count(table.rows.length)}
  rows.${named.length > 0 ? html` Most in ${named}.` : nothing}`;
}
