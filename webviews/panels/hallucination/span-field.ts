/** Which part of a text is removed: its tokens, marked from one to another. */
import { html, type TemplateResult } from 'lit';
import { count } from '../../ui/numbers';
import { shownToken } from '../../../protocol/wire/token-name';
import type { Part } from './actions';
import type { Form } from './form';
import { markOf, moved, spanOf, windowAt, type Mark } from '../../ui/span-mark';
import { tokenPager } from '../../ui/token-pager';

export function spanField({ state, actions }: Part, form: Form): TemplateResult {
  const { typed, typedProblem, view } = state;
  if (typedProblem) return html`<p class="problem" role="alert">${typedProblem}</p>`;
  if (!typed || typed.ids.length === 0) return html`<p class="reason">The tokens of the prompt appear here.</p>`;
  const all = typed.tokens.length;
  const [start, end] = form.span ?? [-1, -1];
  const mark = markOf(form.span, view.spanFocus);
  const at = view.spanWindow ?? mark?.focus ?? 0;
  const [from, to] = windowAt(at, all);
  const set = (next: Mark | undefined): void => {
    if (!next) return;
    actions.view({ spanFocus: next.focus, spanWindow: next.focus });
    actions.edit({ span: spanOf(next) });
  };
  return html`${tokenPager({ at, tokens: all, onMove: (spanWindow) => actions.view({ spanWindow }) })}
    <div
      class="token-list span-list selectable"
      id="span"
      role="listbox"
      aria-multiselectable="true"
      aria-label="Tokens: mark the part to remove. Arrow keys move, Shift and arrow keys mark more or less."
      tabindex="0"
      @keydown=${(event: KeyboardEvent) => {
        const next = moved(mark, event.key, event.shiftKey, all);
        if (next) event.preventDefault();
        set(next);
      }}
      @click=${(event: MouseEvent) => {
        const position = (event.target as HTMLElement).dataset['position'];
        if (position === undefined) return;
        const focus = Number(position);
        set({ anchor: event.shiftKey && mark ? mark.anchor : focus, focus });
      }}
    >
      ${typed.tokens.slice(from, to).map((text, index) => {
        const position = from + index;
        const taken = position >= start && position < end;
        return html`<span
          class="token ${taken ? 'taken' : ''}"
          role="option"
          aria-selected=${taken}
          data-position=${position}
          >${shownToken(text)}</span
        >`;
      })}
    </div>
    <p class="reason">
      ${
        form.span
          ? `Tokens ${count(start)} to ${count(end - 1)} are removed (${count(end - start)} of ${count(all)}).`
          : 'Click the first token to remove, then the last one with Shift.'
      }
    </p>`;
}
