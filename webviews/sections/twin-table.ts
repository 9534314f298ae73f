/** A section's numbers as a table on the page: sorted, and cut where the page would suffer. */
import { html, nothing, type TemplateResult } from 'lit';
import { count } from '../ui/numbers';
import { sortRows, table } from '../ui/table';
import type { SectionActions, SectionView, Twin, TwinRow } from './section-kind';

const firstRows = 200;
/** More rows than this make the page slow; the CSV file holds all. */
const mostRows = 2000;

export interface TwinTable {
  readonly caption: string;
  readonly twin: Twin;
  readonly view: SectionView;
  readonly actions: SectionActions;
  /** Rows can be chosen: the cursor of one. */
  readonly rowOf?: (row: TwinRow) => string;
  /** Enter on the chosen row, or a second click. */
  readonly onAsk?: (row: TwinRow) => void;
}

export function twinTable({ caption, twin, view, actions, rowOf, onAsk }: TwinTable): TemplateResult {
  const { columns, rows } = twin;
  const keys = new Map(rows.map((row, at) => [row, String(at)]));
  const limit = view.allRows ? mostRows : firstRows;
  const shown = rows.length > limit ? sortRows(rows, columns, view.sort).slice(0, limit) : rows;
  return html`${table<TwinRow>({
    caption,
    columns,
    rows: shown,
    key: (row) => rowOf?.(row) ?? keys.get(row) ?? '',
    sort: view.sort,
    onSort: (sort) => actions.view({ sort }),
    ...(rowOf
      ? {
          selected: view.cursor,
          onSelect: (row: TwinRow) => actions.view({ cursor: rowOf(row) }),
          ...(onAsk ? { onOpen: onAsk } : {}),
        }
      : {}),
  })}
  ${
    rows.length > shown.length
      ? html`<p class="reason">
          ${count(shown.length)} of ${count(rows.length)} rows.
          ${
            limit === firstRows
              ? html`<button type="button" class="link" @click=${() => actions.view({ allRows: true })}>
                  Show ${rows.length <= mostRows ? 'all' : count(mostRows)}
                </button>`
              : 'The CSV file holds all.'
          }
        </p>`
      : nothing
  }`;
}
