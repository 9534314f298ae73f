/** The bar that says what colours mean: low, high, unit. Drawn as SVG, whose attributes the panel's policy allows. */
import { svg, html, type TemplateResult } from 'lit';
import { significant } from '../../ui/numbers';
import { scaleStops } from './grid-model';

export interface ScaleBarOptions {
  readonly title: string;
  readonly unit?: string | undefined;
  readonly low: number;
  readonly high: number;
  readonly difference: boolean;
  readonly dark: boolean;
}

export function scaleBar(options: ScaleBarOptions): TemplateResult {
  const stops = scaleStops(options.difference, options.dark);
  const unit = options.unit ? ` ${options.unit}` : '';
  const number = (value: number): string => `${options.difference && value > 0 ? '+' : ''}${significant(value, 2)}`;
  return html`<span
    class="scale-bar"
    role="img"
    aria-label=${`${options.title} from ${number(options.low)} to ${number(options.high)}${unit}`}
  >
    <span class="scale-title">${options.title}</span>
    <span class="scale-number">${number(options.low)}</span>
    <svg width="78" height="10" viewBox="0 0 78 10" aria-hidden="true">
      ${stops.map((colour, at) => svg`<rect x=${at * 6} y="0" width="6.5" height="10" fill=${colour} />`)}
    </svg>
    <span class="scale-number">${number(options.high)}${unit}</span>
  </span>`;
}
