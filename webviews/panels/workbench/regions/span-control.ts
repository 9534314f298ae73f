/** Marks one part of a text on its tokens, from one to another: by a click and another one with Shift, or by keys. */
import { html, LitElement, type TemplateResult } from 'lit';
import { shownToken } from '../../../../protocol/wire/token-name';
import { announce } from '../../../ui/announce';
import { count } from '../../../ui/numbers';
import { markOf, moved, spanOf, windowAt, type Mark } from '../../../ui/span-mark';
import { tokenPager } from '../../../ui/token-pager';

class SpanControl extends LitElement {
  static override properties = {
    tokens: { attribute: false },
    start: { attribute: false },
    end: { attribute: false },
    focused: { state: true },
    drawn: { state: true },
  };

  declare tokens: readonly string[];
  declare start: number;
  /** Behind the last token. */
  declare end: number;
  declare onInput: (start: number, end: number) => void;
  /** End of the mark that the keyboard moves. */
  declare private focused: number | undefined;
  /** A token of the window of a long text that is drawn. */
  declare private drawn: number | undefined;

  constructor() {
    super();
    this.tokens = [];
    this.start = 0;
    this.end = 0;
    this.onInput = () => undefined;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private get mark(): Mark | undefined {
    const { start, end, tokens } = this;
    return end > start && end <= tokens.length ? markOf([start, end], this.focused) : undefined;
  }

  private set(next: Mark | undefined): void {
    if (!next) return;
    this.focused = next.focus;
    this.drawn = next.focus;
    const [start, end] = spanOf(next);
    announce(`Tokens ${start} to ${end - 1}`);
    this.onInput(start, end);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = moved(this.mark, event.key, event.shiftKey, this.tokens.length);
    if (next) event.preventDefault();
    this.set(next);
  }

  private onClick({ target, shiftKey }: MouseEvent): void {
    const position = target instanceof HTMLElement ? target.dataset['position'] : undefined;
    if (position === undefined) return;
    const focus = Number(position);
    this.set({ anchor: shiftKey && this.mark ? this.mark.anchor : focus, focus });
  }

  protected override render(): TemplateResult {
    const { tokens, mark, start, end } = this;
    const at = this.drawn ?? mark?.focus ?? 0;
    const [from, to] = windowAt(at, tokens.length);
    return html`${tokenPager({ at, tokens: tokens.length, onMove: (drawn) => (this.drawn = drawn) })}
      <div
        class="token-list span-list selectable"
        role="listbox"
        aria-multiselectable="true"
        aria-label="Tokens: mark a part of the text. Arrow keys move, Shift and arrow keys mark more or less."
        tabindex="0"
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @click=${(event: MouseEvent) => this.onClick(event)}
      >
        ${tokens.slice(from, to).map((text, index) => {
          const position = from + index;
          const taken = mark !== undefined && position >= start && position < end;
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
          mark
            ? `Tokens ${count(start)} to ${count(end - 1)} are marked (${count(end - start)} of ${count(tokens.length)}).`
            : 'Click the first token of the part, then the last one with Shift.'
        }
      </p>`;
  }
}

customElements.define('hs-span', SpanControl);
