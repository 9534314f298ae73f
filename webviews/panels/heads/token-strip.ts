/**
 * The prompt as tokens: the selected query underlined, the keys shaded by what the selected head reads from it. A long prompt
 * shows a window of tokens around the selected query, so that the page never holds thousands of elements.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { button } from '../../ui/controls';
import { count, significant } from '../../ui/numbers';
import type { Part } from './actions';
import { headName } from '../../ui/head-names';
import { rowCsv } from './row-csv';
import { isPromptChanged } from './run-setup';
import type { CellPlace } from './matrix-place';
import { tokensOf } from './shown';
import type { State } from './state';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';

/** Tokens drawn at once. */
const most = 240;
const shades = 8;

/** 0..8: shade of a weight, by its square root, so that weights of a few percent are seen. */
export const shadeOf = (weight: number): number =>
  Math.min(shades, Math.max(0, Math.round(Math.sqrt(weight) * shades) || 0));

export function windowOf(length: number, around: number, size = most): readonly [number, number] {
  if (length <= size) return [0, length];
  const start = Math.max(0, Math.min(length - size, around - Math.floor(size / 2)));
  return [start, start + size];
}

/** What the selected query reads of a token; of a token behind it, what that one reads of the selected query. */
function cellOfToken({ query, result }: State, at: number): CellPlace {
  const chosen = query ?? 0;
  return at > chosen && result?.model.causal === true ? { query: at, key: chosen } : { query: chosen, key: at };
}

/** The tokens of the prompt in the editor, while those of another one are shown. */
export function typedTokens({ state }: Part): TemplateResult | typeof nothing {
  const { typed } = state;
  if (!typed || !isPromptChanged(state)) return nothing;
  const { ids, tokens } = typed;
  return html`<div class="typed-tokens">
    <p class="reason">Tokens of this prompt; the pictures show the one before it.</p>
    <div class="token-list" role="list" aria-label="Tokens of the prompt in the editor" tabindex="0">
      ${tokens
        .slice(0, most)
        .map(
          (token, at) =>
            html`<span
              class="token"
              role="listitem"
              title=${`${count(at)} · id ${ids[at] ?? ''} · ${quotedToken(token)}`}
              >${shownToken(token)}</span
            >`,
        )}${tokens.length > most ? html`<span class="token-more muted">… ${count(tokens.length - most)} later</span>` : nothing}
    </div>
  </div>`;
}

export function tokenStrip({ state, actions, hovered, compact }: Part): TemplateResult | typeof nothing {
  const { ids, tokens } = tokensOf(state);
  if (ids.length === 0) return nothing;
  const { result, selected, query } = state;
  const [from, to] = windowOf(ids.length, query ?? 0, compact ? 80 : most);
  const row = state.row;
  const shading =
    row && selected && row.layer === selected.layer && row.head === selected.head && row.query === query
      ? row.values
      : undefined;
  const positions = Array.from({ length: to - from }, (_, at) => from + at);
  const weightOf = (at: number): number => (state.view.hideSink && at === 0 ? 0 : (shading?.[at] ?? 0));
  return html`<section class="tokens" aria-label="Prompt as tokens">
    <div
      class="token-list ${result ? 'selectable' : ''}"
      role="listbox"
      aria-label="Tokens: choose a query"
      tabindex="0"
      @keydown=${(event: KeyboardEvent) => {
        const by = { ArrowLeft: -1, ArrowRight: 1, Home: -ids.length, End: ids.length }[event.key];
        if (by === undefined || !result) return;
        event.preventDefault();
        actions.selectQuery(Math.max(0, Math.min(ids.length - 1, (query ?? 0) + by)));
      }}
      @pointerover=${(event: PointerEvent) => {
        const at = (event.target as HTMLElement).dataset['position'];
        if (result) actions.hoverCell(at === undefined ? undefined : cellOfToken(state, Number(at)));
      }}
      @pointerleave=${() => actions.hoverCell(undefined)}
      @click=${(event: MouseEvent) => {
        const at = (event.target as HTMLElement).dataset['position'];
        if (at !== undefined && result) actions.selectQuery(Number(at));
      }}
    >
      ${from > 0 ? html`<span class="token-more muted">${count(from)} earlier …</span>` : nothing}${repeat(
        positions,
        (at) => at,
        (at) => {
          const weight = weightOf(at);
          const hover = hovered && (hovered.query === at ? 'hover-query' : hovered.key === at ? 'hover-key' : '');
          return html`<span
            class="token shade-${shadeOf(weight)} ${result && at === query ? 'query' : ''} ${hover ?? ''}"
            role="option"
            aria-selected=${result !== undefined && at === query}
            data-position=${at}
            title=${`${count(at)} · id ${ids[at] ?? ''} · ${quotedToken(tokens[at] ?? '')}${shading ? ` · read with ${significant(shading[at] ?? 0)}` : ''}`}
            >${shownToken(tokens[at] ?? '')}</span
          >`;
        },
      )}${to < ids.length ? html`<span class="token-more muted">… ${count(ids.length - to)} later</span>` : nothing}
    </div>
    ${
      result && selected && !state.asides.waiting
        ? html`<p class="token-caption muted">
            ${
              state.rowProblem
                ? html`<span class="problem">${state.rowProblem}</span>`
                : html`Shaded: what ${headName(selected.layer, selected.head)} reads from query ${count(query ?? 0)}
                  (underlined)${state.view.hideSink ? ', key 0 hidden' : ''}; square root of the probability.`
            }
            ${
              compact
                ? nothing
                : button({
                    label: 'Copy the row',
                    icon: 'copy',
                    appearance: 'icon',
                    hint: 'Copy position, id, token and probability of each key as CSV',
                    disabled: shading === undefined,
                    onClick: () => actions.copy(rowCsv(ids, tokens, shading), 'The row'),
                  })
            }
          </p>`
        : nothing
    }
  </section>`;
}
