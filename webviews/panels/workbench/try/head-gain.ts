/** The gain of a head whose attention is open, as a change of the request. */
import { html, type TemplateResult } from 'lit';
import type { HeadPlace } from '../../../../protocol/schema/written-form';
import { button } from '../../../ui/controls';
import { headName } from '../../../ui/head-names';
import { significant } from '../../../ui/numbers';
import { slider } from '../../../ui/text-area';
import type { Part } from '../actions';
import { gainOf, withGain } from './changes';
import type { Tried } from './tried';

const [least, most] = [-2, 2];

export function headGain({ actions }: Part, { entries }: Tried, place: HeadPlace): TemplateResult {
  const gain = gainOf(entries, place);
  const name = headName(place.layer, place.head);
  const set = (to: number): void => actions.edit({ interventions: withGain(entries, place, to) });
  return html`<div class="gain-line" data-head=${name}>
    <span
      title="The head’s output is multiplied by this before the output projection; 1 changes nothing, 0 removes the head."
      >Gain</span
    >
    ${slider({
      label: `Gain of ${name}`,
      value: Math.max(least, Math.min(most, gain)),
      min: least,
      max: most,
      step: 0.05,
      valueText: gain === 0 ? '0, ablated' : significant(gain),
      hint: '−2 to 2; 1 changes nothing',
      onInput: (value) => set(Math.round(value * 100) / 100),
    })}
    <output class="gain-value">${gain.toFixed(2)}</output>
    ${button({
      label: gain === 0 ? 'Restore' : 'Ablate',
      hint: gain === 0 ? 'Back to gain 1 (X in the grid)' : 'Gain 0 (X in the grid, or Alt+click)',
      onClick: () => actions.toggleHead(place),
    })}
    ${button({
      label: 'Reset the gain',
      icon: 'discard',
      appearance: 'icon',
      disabled: gain === 1,
      onClick: () => set(1),
    })}
  </div>`;
}
