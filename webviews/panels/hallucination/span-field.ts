/** Which part of a text is taken away: its tokens, marked from one to another. */
import { html, nothing, type TemplateResult } from 'lit';
import { count } from '../../ui/numbers';
import { shownToken } from '../../ui/token-text';
import type { Part } from './actions';
import type { Form } from './form';

/** Tokens drawn at once; a longer text is marked by its first ones and a wider window is not needed often. */
const most = 400;

export function spanField({ state, actions }: Part, form: Form): TemplateResult {
  const { typed, typedProblem } = state;
  if (typedProblem) return html`<p class="problem" role="alert">${typedProblem}</p>`;
  if (!typed || typed.ids.length === 0) return html`<p class="reason">The tokens of the prompt appear here.</p>`;
  const tokens = typed.tokens.slice(0, most);
  const [start, end] = form.span ?? [-1, -1];
  const mark = (at: number, extend: boolean): void => {
    const span: readonly [number, number] =
      extend && form.span ? [Math.min(at, start), Math.max(at + 1, at < start ? end : start + 1)] : [at, at + 1];
    actions.edit({ span });
  };
  return html`<div
      class="token-list span-list selectable"
      id="span"
      role="listbox"
      aria-multiselectable="true"
      aria-label="Tokens: mark the part to take away. Arrow keys move, Shift and arrow keys mark more."
      tabindex="0"
      @keydown=${(event: KeyboardEvent) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        const last = form.span ? end - 1 : -1;
        const to = Math.max(0, Math.min(tokens.length - 1, last + by));
        if (event.shiftKey && form.span) actions.edit({ span: [start, Math.max(start + 1, to + 1)] });
        else mark(to, false);
      }}
      @click=${(event: MouseEvent) => {
        const at = (event.target as HTMLElement).dataset['position'];
        if (at !== undefined) mark(Number(at), event.shiftKey);
      }}
    >
      ${tokens.map(
        (text, at) =>
          html`<span
            class="token ${at >= start && at < end ? 'taken' : ''}"
            role="option"
            aria-selected=${at >= start && at < end}
            data-position=${at}
            >${shownToken(text)}</span
          >`,
      )}${typed.tokens.length > most ? html`<span class="muted">… ${count(typed.tokens.length - most)} more</span>` : nothing}
    </div>
    <p class="reason">
      ${
        form.span
          ? `Tokens ${count(start)} to ${count(end - 1)} are taken away (${count(end - start)} of ${count(typed.ids.length)}).`
          : 'Click the first token to take away, then the last one with Shift.'
      }
    </p>`;
}
