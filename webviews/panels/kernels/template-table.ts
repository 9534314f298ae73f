/** The whole catalogue in the terms that all mechanisms share: a row each, sorted by any column, filtered by any word. */
import { html, nothing, type TemplateResult } from 'lit';
import type { MechanismInfo } from '../../../protocol/compute/api';
import { templateColumns } from '../../../protocol/compute/template';
import { button, disclosure, textField, toolbar } from '../../ui/controls';
import { isOpen } from '../../ui/disclosures';
import { count } from '../../ui/numbers';
import { type Column, countColumn, sortRows, table, textColumn, toMarkdown } from '../../ui/table';
import type { Part } from './actions';

const columns: readonly Column<MechanismInfo>[] = [
  textColumn('mechanism', 'Mechanism', ({ title }) => title),
  textColumn('family', 'Family', ({ family }) => family),
  ...templateColumns.map(({ title, of }): Column<MechanismInfo> =>
    textColumn(title.toLowerCase().replaceAll(' ', '-'), title, ({ template }) => of(template)),
  ),
  countColumn('growth', 'Growth', ({ exponent }) => exponent, {
    hint: 'The power of the length in the number of operations',
  }),
];

/** Rows in which every word of the filter stands in some column. */
function filtered(mechanisms: readonly MechanismInfo[], filter: string): readonly MechanismInfo[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return mechanisms.filter((mechanism) => {
    const text = columns.map(({ value }) => String(value(mechanism) ?? '').toLowerCase()).join('\n');
    return words.every((word) => text.includes(word));
  });
}

export function templateTable(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  if (state.mechanisms.length === 0) return nothing;
  return disclosure({
    title: 'All mechanisms in one template',
    open: isOpen(state, 'template', false),
    id: 'template',
    onToggle: (open) => actions.toggle('template', open),
    body: () => body(part),
  });
}

function body({ state, actions }: Part): TemplateResult {
  const arranged = state.view.template ?? { filter: '' };
  const rows = filtered(state.mechanisms, arranged.filter);
  return html`<p class="muted">
      Outputs are weighted sums of projected values: what is projected, what makes a weight, which positions have one,
      how weights are normalised, what a decoder carries and what workers exchange (arXiv:2302.06218; causal where it
      can be, default parameters, p workers). ${count(columns.length)} columns: scroll the table sideways for the last,
      ${columns.at(-1)?.title.toLowerCase()}.
    </p>
    ${toolbar('Table of the template', [
      html`<span>Filter</span>`,
      textField({
        label: 'Filter mechanisms',
        value: arranged.filter,
        hint: 'Words that a row must hold, such as sparse or “chosen by data”',
        onInput: (filter) => actions.view({ template: { ...arranged, filter } }),
      }),
      html`<span class="muted" role="status">${count(rows.length)} of ${count(state.mechanisms.length)}</span>`,
      button({
        label: 'Copy as Markdown',
        icon: 'copy',
        appearance: 'icon',
        onClick: () => actions.copy(toMarkdown(columns, sortRows(rows, columns, arranged.sort)), 'The table'),
      }),
    ])}
    ${
      rows.length === 0
        ? html`<div class="chart-empty">No mechanism has all of these words. Take some of them away.</div>`
        : table({
            caption: 'All mechanisms in one template',
            columns,
            rows,
            key: ({ id }) => id,
            sort: arranged.sort,
            onSort: (sort) => actions.view({ template: { ...arranged, sort } }),
            selected: state.view.card?.mechanism,
            onSelect: ({ id }) => actions.openCard(id),
          })
    }`;
}
