/** The slider for the weight of the first token. */
import { html, type TemplateResult } from 'lit';
import { quotedToken } from '../../../../protocol/wire/token-name';
import { button, dropdown } from '../../../ui/controls';
import { plural, significant } from '../../../ui/numbers';
import { slider } from '../../../ui/text-area';
import type { Part } from '../actions';
import { firstTokenChoices, gammaOf, slidable, withGamma } from './first-token';
import { openedHeads, type Tried } from './tried';

export function firstTokenLine({ state, actions }: Part, { entries, prompt, result }: Tried): TemplateResult {
  const choices = firstTokenChoices(result, openedHeads(state));
  if (choices.length === 0)
    return html`<p class="reason">No layer has attention, so there is no weight of the first token to change.</p>`;
  // Heads that were closed are no choice any more.
  const chosen = choices.find(({ value }) => value === state.view.trying.firstTokenHeads) ?? choices[0];
  const places = chosen?.places ?? [];
  const gamma = gammaOf(entries, places);
  const set = (next: number): void => actions.edit({ interventions: withGamma(entries, places, next) });
  const exponent = gamma === 'mixed' ? 0 : Math.log10(gamma);
  return html`<div class="first-token" role="group" aria-label="Weight of the first token">
    <h3>Weight of the first token ${quotedToken(prompt.tokens[0] ?? '')}</h3>
    <div class="first-token-line">
      ${dropdown({
        label: 'Heads in which the first token is reweighted',
        choices,
        value: chosen?.value ?? 'all',
        onChange: (firstTokenHeads) => actions.arrangeTrying({ firstTokenHeads }),
      })}
      ${slider({
        label: 'Gamma of the first token',
        id: 'gamma',
        value: Math.max(slidable.low, Math.min(slidable.high, exponent)),
        min: slidable.low,
        max: slidable.high,
        step: slidable.step,
        valueText: gamma === 'mixed' ? 'different in these heads' : significant(gamma),
        hint: '0.1 to 10, logarithmic; 1 changes nothing',
        onInput: (value) => set(Number((10 ** value).toPrecision(3))),
      })}
      <output class="gamma-value">${gamma === 'mixed' ? 'mixed' : `x ${significant(gamma)}`}</output>
      ${button({
        label: 'Reset the weight of the first token',
        icon: 'discard',
        appearance: 'icon',
        disabled: gamma === 1,
        onClick: () => set(1),
      })}
    </div>
    <p class="reason" id="gamma-words">${words(gamma, places.length)}</p>
  </div>`;
}

function words(gamma: number | 'mixed', heads: number): string {
  if (gamma === 'mixed') return 'These heads have different weights. The slider gives all of them the same.';
  if (gamma === 1)
    return 'Multiplies the attention weight of key 0 by γ in these heads and normalises every row again. Weights of the other keys keep their ratios.';
  const bias = Math.log(gamma);
  return `In ${plural(heads, 'head')} the attention weight of key 0 is multiplied by ${significant(gamma)} and every row normalised again: ln γ = ${bias < 0 ? '−' : '+'}${significant(Math.abs(bias))} on its score.`;
}
