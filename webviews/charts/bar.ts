import { html, type TemplateResult } from 'lit';

/** A share of one as a bar, in SVG: its attributes need no inline style. */
export const bar = (share: number, changed = false): TemplateResult =>
  html`<svg class=${changed ? 'bar changed' : 'bar'} width="60" height="8" viewBox="0 0 60 8" aria-hidden="true">
    <rect x="0" y="0" width=${Math.max(0, Math.min(60, 60 * share))} height="8" />
  </svg>`;
