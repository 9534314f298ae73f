/** The matrix of cells: a place for each pair of values, with the state by colour and sign. One page of it is drawn. */
import { html, nothing, type TemplateResult } from 'lit';
import {
  most,
  type GridSide,
  type GridTile,
  type SweepGrid,
  type SweepPicture,
} from '../../../protocol/sweeps/sweep-picture';
import { button } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { count } from '../../ui/numbers';
import type { SweepPage } from './part';
import { stateOf, stateSigns, tileInWords } from './words';

type Content = TemplateResult | typeof nothing;

export function matrix(part: SweepPage, picture: SweepPicture): Content {
  const { grid, look } = picture;
  if (!grid) return nothing;
  const { rows, columns } = grid;
  const only = Object.keys(look.only ?? {}).length > 0;
  return html`<section class="sweep-matrix" aria-labelledby="matrix-title">
    <div class="section-head">
      <h2 id="matrix-title">Cells by ${rows.axis}${columns ? html` and ${columns.axis}` : nothing}</h2>
      ${
        only
          ? html`<button type="button" class="link" @click=${() => part.actions.look({ only: undefined })}>
              Show all cells
            </button>`
          : nothing
      }
    </div>
    <div class="table-frame">
      <table role="grid" aria-labelledby="matrix-title" class="sweep-grid" @keydown=${move}>
        ${
          columns
            ? html`<thead>
                <tr>
                  <th scope="col" class="corner">${rows.axis}</th>
                  ${columns.labels.map((label) => html`<th scope="col" title=${`${columns.axis} ${label}`}><span>${label}</span></th>`)}
                </tr>
              </thead>`
            : nothing
        }
        <tbody>
          ${grid.tiles.map(
            (tiles, row) =>
              html`<tr>
                <th scope="row" title=${`${rows.axis} ${rows.labels[row] ?? ''}`}><span>${rows.labels[row]}</span></th>
                ${tiles.map((tile, column) => place(part, picture, grid, tile, row, column))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${pager('rows', rows, most.rows, (rowFrom) => part.actions.look({ rowFrom }))}
    ${columns ? pager('columns', columns, most.columns, (columnFrom) => part.actions.look({ columnFrom })) : nothing}
  </section>`;
}

function place(
  { actions }: SweepPage,
  { look, cells, chosen }: SweepPicture,
  { rows, columns }: SweepGrid,
  tile: GridTile | null,
  row: number,
  column: number,
): TemplateResult {
  const isFirst = row === 0 && column === 0;
  if (tile === null)
    return html`<td
      role="gridcell"
      class="empty"
      tabindex=${isFirst ? 0 : -1}
      aria-label="no cell"
      title="The sweep has no such cell"
    ></td>`;
  const state = stateOf(tile);
  const across = columns ? `, ${columns.axis} ${columns.labels[column] ?? ''}` : '';
  const words = `${rows.axis} ${rows.labels[row] ?? ''}${across}: ${tileInWords(tile)}`;
  const reason = [...cells, ...(chosen ? [chosen] : [])].find(({ key }) => key === tile.key)?.reason;
  const isChosen =
    tile.key === undefined
      ? look.only?.[rows.axis] === rows.ids[row] && (!columns || look.only?.[columns.axis] === columns.ids[column])
      : tile.key === look.cell;
  const choose = (): void => {
    if (tile.key !== undefined) return actions.look({ cell: look.cell === tile.key ? undefined : tile.key });
    const { [rows.axis]: _row, [columns?.axis ?? '']: _column, ...others } = look.only ?? {};
    const only = {
      ...others,
      [rows.axis]: rows.ids[row] ?? '',
      ...(columns ? { [columns.axis]: columns.ids[column] ?? '' } : {}),
    };
    actions.look({ only: isChosen ? others : only });
  };
  return html`<td
    role="gridcell"
    class="tile ${state} ${tile.cells > 1 ? 'several' : ''}"
    tabindex=${isFirst ? 0 : -1}
    aria-label=${words}
    aria-selected=${isChosen}
    title=${reason === undefined ? words : `${words}. ${reason}`}
    @click=${choose}
    @keydown=${(event: KeyboardEvent) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      choose();
    }}
  >
    ${icon(stateSigns[state].icon)}${tile.cells > 1 ? html`<span>${count(tile.states.done ?? 0)}/${count(tile.cells)}</span>` : nothing}
  </td>`;
}

/** Arrow keys walk the places; only one of them is a stop of the Tab key. */
function move(event: KeyboardEvent): void {
  const from = (event.target as HTMLElement).closest('td');
  const line = from?.parentElement;
  if (!from || !line) return;
  const cells = [...line.querySelectorAll('td')];
  const at = cells.indexOf(from);
  const other = (row: Element | null): HTMLElement | undefined => row?.querySelectorAll('td')[at];
  const steps: Readonly<Record<string, () => HTMLElement | undefined>> = {
    ArrowLeft: () => cells[at - 1],
    ArrowRight: () => cells[at + 1],
    ArrowUp: () => other(line.previousElementSibling),
    ArrowDown: () => other(line.nextElementSibling),
    Home: () => cells[0],
    End: () => cells.at(-1),
  };
  const to = steps[event.key]?.();
  if (!to) return;
  event.preventDefault();
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

function pager(
  what: string,
  { from, labels, count: all }: GridSide,
  page: number,
  go: (from: number) => void,
): Content {
  if (all <= page) return nothing;
  return html`<div class="sweep-pager">
    ${button({ label: `Previous ${what}`, icon: 'chevron-left', appearance: 'icon', disabled: from === 0, onClick: () => go(Math.max(0, from - page)) })}
    <span>${what} ${count(from + 1)}–${count(from + labels.length)} of ${count(all)}</span>
    ${button({ label: `Next ${what}`, icon: 'chevron-right', appearance: 'icon', disabled: from + labels.length >= all, onClick: () => go(from + page) })}
  </div>`;
}
