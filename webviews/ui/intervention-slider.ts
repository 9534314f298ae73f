/** A slider for the number of an intervention that can be slid, such as the strength of a vector. */
import { html, type TemplateResult } from 'lit';
import type { Slide } from '../../protocol/interventions/kind';
import type { Intervention } from '../../protocol/interventions/interventions';
import { slider } from './text-area';

/** Where the slider ends; numbers that are typed go further. */
const most = 100;
/** Step of the thumb: it stands at asinh of the number, so that the slider is fine around 0 and reaches far. */
const step = 0.05;
/** Written as a decimal: browsers count steps from it, and with 5.300000000000001 none would be at 0. */
const end = Number((Math.ceil(Math.asinh(most) / step) * step).toFixed(2));

/** Two digits are enough for a thumb. */
const numberAt = (thumb: number): number => Number(Math.max(-most, Math.min(most, Math.sinh(thumb))).toPrecision(2));

export function interventionSlider(
  value: Intervention,
  slide: Slide<Intervention>,
  at: number,
  onInput: (value: Intervention) => void,
  onSettled: () => void,
): TemplateResult {
  const number = slide.of(value);
  const name = `${slide.name} of intervention ${at + 1}`;
  return html`<div class="intervention-slider">
    ${slider({
      label: `${name[0]?.toUpperCase()}${name.slice(1)}`,
      value: Math.max(-end, Math.min(end, Math.asinh(number))),
      min: -end,
      max: end,
      step,
      valueText: String(number),
      hint: `-${most} to ${most}, finer around 0, which changes nothing`,
      onInput: (thumb) => onInput(slide.with(value, numberAt(thumb))),
      onChange: onSettled,
    })}
    <output>${slide.name} ${number}</output>
  </div>`;
}
