import { html, svg, type TemplateResult } from 'lit';
import { colourOf, shapes, type Identity } from './palette';

/** The mark of a class as it stands in the charts: shape and colour. Attributes, not styles: the panel's policy allows no inline style. */
export function symbol(identity: Identity, dark: boolean, size = 10): TemplateResult {
  return html`<svg class="symbol" width=${size} height=${size} viewBox="0 0 16 16" aria-hidden="true">
    ${svg`<path d=${shapes[identity.shape]} fill=${colourOf(identity, dark)}></path>`}
  </svg>`;
}
