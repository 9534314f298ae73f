/** Walks a long text by windows of its tokens; nothing where one window holds all. */
import { html, nothing, type TemplateResult } from 'lit';
import { button } from './controls';
import { count } from './numbers';
import { windowAt, windowSize } from './span-mark';

export interface TokenPager {
  /** A token of the window that is drawn. */
  readonly at: number;
  readonly tokens: number;
  readonly onMove: (at: number) => void;
}

export function tokenPager({ at, tokens, onMove }: TokenPager): TemplateResult | typeof nothing {
  if (tokens <= windowSize) return nothing;
  const [from, to] = windowAt(at, tokens);
  return html`<div class="token-pager" role="group" aria-label="Which tokens are drawn">
    ${button({
      label: 'Earlier tokens',
      icon: 'chevron-left',
      appearance: 'icon',
      disabled: from === 0,
      onClick: () => onMove(from - 1),
    })}
    <span class="muted">tokens ${count(from)} to ${count(to - 1)} of ${count(tokens)}</span>
    ${button({
      label: 'Later tokens',
      icon: 'chevron-right',
      appearance: 'icon',
      disabled: to === tokens,
      onClick: () => onMove(to),
    })}
  </div>`;
}
