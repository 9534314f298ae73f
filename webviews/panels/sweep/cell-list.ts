/** The cells as a table, a page at a time. */
import { html, nothing, type TemplateResult } from 'lit';
import { most, type ShownCell, type SweepPicture } from '../../../protocol/sweeps/sweep-picture';
import { button } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { count, took } from '../../ui/numbers';
import { countColumn, table, textColumn, type Column } from '../../ui/table';
import { copyTools } from '../../ui/whole-table';
import type { SweepPage } from './part';
import { nameOfCell, stateSigns } from './words';

const stateColumn: Column<ShownCell> = textColumn('state', 'State', ({ state }) => state, {
  cell: ({ state, parts }) =>
    html`<span class="sweep-state ${state}"
      >${icon(stateSigns[state].icon)}<span>${state}${parts ? ` ${parts.done}/${parts.total}` : nothing}</span></span
    >`,
});

/** Where the panel is narrow: the name of a cell, and what it says below it. */
const narrowColumns = (axes: SweepPicture['axes']): readonly Column<ShownCell>[] => [
  stateColumn,
  textColumn('cell', 'Cell', (cell) => nameOfCell(cell, axes), {
    cell: (cell) =>
      html`${nameOfCell(cell, axes)} <span class="sweep-why muted">${cell.reason ?? cell.finding ?? nothing}</span>`,
  }),
];

export function cellList({ actions, compact }: SweepPage, picture: SweepPicture): TemplateResult {
  const { cells, listed, look, axes } = picture;
  const columns: readonly Column<ShownCell>[] = [
    stateColumn,
    ...axes.map(({ name }, at) => textColumn<ShownCell>(`axis ${at}`, name, ({ labels }) => labels[at] ?? '')),
    countColumn('time', 'Time', ({ seconds }) => seconds, {
      text: ({ seconds }) => (seconds === undefined ? '' : took(seconds)),
    }),
    countColumn('tries', 'Started', ({ tries }) => tries, { hint: 'How many times it was started.' }),
    textColumn('why', 'What it says', ({ reason, finding }) => reason ?? finding ?? '', {
      cell: ({ reason, finding }) =>
        html`<span class="sweep-why" title=${reason ?? finding ?? ''}>${reason ?? finding ?? ''}</span>`,
    }),
  ];
  const page = look.page ?? 0;
  const pages = Math.ceil(listed / most.cells);
  return html`<section class="sweep-list" aria-labelledby="list-title">
    <div class="section-head">
      <h2 id="list-title">
        ${look.show === undefined ? 'All cells' : `Cells that are ${look.show}`}
        <span class="muted">${count(listed)}</span>
      </h2>
      ${copyTools({ actions }, columns, () => cells)}
    </div>
    ${
      listed === 0
        ? html`<p class="empty-state">No cell is ${look.show ?? 'here'} now.</p>`
        : table({
            caption: 'Cells',
            columns: compact ? narrowColumns(axes) : columns,
            rows: cells,
            key: ({ key }) => key,
            selected: look.cell,
            onSelect: ({ key }) => actions.look({ cell: look.cell === key ? undefined : key }),
          })
    }
    ${
      pages > 1
        ? html`<div class="sweep-pager">
            ${button({ label: 'Previous page', icon: 'chevron-left', appearance: 'icon', disabled: page === 0, onClick: () => actions.look({ page: page - 1 }) })}
            <span>page ${count(page + 1)} of ${count(pages)}</span>
            ${button({ label: 'Next page', icon: 'chevron-right', appearance: 'icon', disabled: page + 1 >= pages, onClick: () => actions.look({ page: page + 1 }) })}
          </div>`
        : nothing
    }
  </section>`;
}
