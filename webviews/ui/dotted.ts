/** Facts on one line, with a dot between two of them; a fact is broken only where it is longer than the line. */
import { html, type TemplateResult } from 'lit';

/** `text`: the facts with ` · ` between them. The dot before a fact that begins a line is clipped away (styles.ts), so none hangs. */
export const dotted = (text: string): TemplateResult | string =>
  text.includes(' · ')
    ? html`<span class="dotted"
        ><span
          >${text.split(' · ').map((fact, at) => html`<span class="fact"><span class="dot">${at === 0 ? '' : ' · '}</span>${fact}</span>`)}</span
        ></span
      >`
    : text;
