/** The bar that says what colours mean: low, high, unit. Drawn as SVG, whose attributes the panel's policy allows. */
import { svg, html, nothing, type TemplateResult } from 'lit';
import { signed, significant } from '../ui/numbers';

export interface ScaleBarOptions {
  readonly title: string;
  readonly unit?: string | undefined;
  readonly low: number;
  readonly high: number;
  /** Colours from low to high. */
  readonly stops: readonly string[];
  /** A plus before positive numbers: changes. */
  readonly signed?: boolean;
  readonly logarithmic?: boolean;
}

export function scaleBar(options: ScaleBarOptions): TemplateResult {
  const { title, low, high, stops, logarithmic = false } = options;
  const unit = options.unit ? ` ${options.unit}` : '';
  const number = (value: number): string => (options.signed ? signed : significant)(value, 2);
  const width = 6 * stops.length;
  return html`<span
    class="scale-bar"
    role="img"
    aria-label=${`${title} from ${number(low)} to ${number(high)}${unit}${logarithmic ? ', logarithmic' : ''}`}
  >
    <span class="scale-title">${title}</span>
    <span class="scale-number">${number(low)}</span>
    <svg width=${width} height="10" viewBox="0 0 ${width} 10" aria-hidden="true">
      ${stops.map((colour, at) => svg`<rect x=${at * 6} y="0" width="6.5" height="10" fill=${colour} />`)}
    </svg>
    <span class="scale-number">${number(high)}${unit}</span>${logarithmic ? html`<span>log</span>` : nothing}
  </span>`;
}
