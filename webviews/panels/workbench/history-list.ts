/** Earlier results: pinned ones first, then the newest; found by model, question and prompt. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { HistoryRow } from '../../../protocol/panels/workbench-tabs';
import { button } from '../../ui/controls';
import type { MenuItem } from '../../ui/menu';
import { banner } from '../../ui/run-status';
import type { Part } from './actions';
import { onRowKey } from './row-keys';
import { searchField } from './search-field';
import { listedTime } from './times';

export function historyList(part: Part): TemplateResult {
  const { state, actions } = part;
  const { history, view } = state;
  return html`<section
    class="history"
    aria-label="Earlier results"
    @keydown=${(event: KeyboardEvent) => onRowKey(event, '.row-button')}
  >
    ${searchField({
      id: 'history-words',
      label: 'Find an earlier result',
      placeholder: 'Find by model, question or prompt',
      value: view.words.history,
      onInput: (typed) => actions.search('history', typed),
    })}
    ${history?.problems?.map((sentence) => banner('warning', html`${sentence}`))}
    ${rows(part, history?.rows, view.words.history.trim())}
  </section>`;
}

function rows(part: Part, list: readonly HistoryRow[] | undefined, words: string): TemplateResult | typeof nothing {
  if (!list) return html`<p class="empty-state" role="status">Reading the list…</p>`;
  if (list.length === 0 && part.state.history?.problems?.length) return nothing;
  if (list.length === 0) {
    return html`<p class="empty-state">
      ${
        words === ''
          ? 'Every finished run is kept here by itself. Ask a question first.'
          : 'No earlier result holds these words. Fewer words find more.'
      }
    </p>`;
  }
  return html`<ul class="rows">
    ${repeat(
      list,
      ({ id }) => id,
      (row) => oneRow(part, row),
    )}
  </ul>`;
}

function oneRow({ actions }: Part, row: HistoryRow): TemplateResult {
  const { id, title, question, model, weights = '', input, created, pinned } = row;
  return html`<li class="history-row">
    <button type="button" class="row-button" data-entry=${id} @click=${() => actions.openEntry(id)}>
      <span>${question ?? title}</span>
      <span class="muted"
        >${[...(question === undefined ? [] : [title]), model, weights, listedTime(created)].filter(Boolean).join(' · ')}</span
      >
      ${input === '' ? nothing : html`<span class="muted history-input">${input}</span>`}
    </button>
    ${button({
      label: `${pinned ? 'Unpin' : 'Pin'} ${title}, ${listedTime(created)}`,
      icon: pinned ? 'pinned' : 'pin',
      appearance: 'icon',
      pressed: pinned,
      hint: pinned ? 'Unpin' : 'Pin: the history then always keeps it',
      onClick: () => actions.pinEntry(id, !pinned),
    })}
    <hs-menu
      .label=${`More of ${title}, ${listedTime(created)}`}
      .icon=${'ellipsis'}
      .iconOnly=${true}
      .items=${
        [
          { label: 'Copy to the workspace', detail: 'git can hold it', icon: 'copy', run: () => actions.copyEntry(id) },
          { label: 'Delete…', icon: 'trash', run: () => actions.removeEntry(id) },
        ] satisfies readonly MenuItem[]
      }
    ></hs-menu>
  </li>`;
}
