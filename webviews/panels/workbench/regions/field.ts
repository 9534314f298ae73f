/** The field of a parameter that is regions: what is drawn, and its written form below. */
import { html, type TemplateResult } from 'lit';
import { regionListOf } from '../../../../protocol/interventions/regions';
import { textField } from '../../../ui/controls';
import type { RegionsField } from '../../../ui/table-fields';
import type { State } from '../state';
import { drawnOnPrompt } from './read-prompt';
import './control';

export function regionsField(state: State, { label, value, problem, parameter, set }: RegionsField): TemplateResult {
  // Fewer than are needed is no mistake while they are drawn: Run says why it is off.
  const drawn = regionListOf(value);
  const shown = drawn && drawn.length < parameter.least ? undefined : problem;
  return html`${drawable(state, value, parameter, set)}
  ${textField({ label, value, problem: shown, placeholder: '3-9/12-15, 0-3x0-1/0-3x2-3', onInput: set })}`;
}

const drawable = (
  state: State,
  value: string,
  { least, most }: RegionsField['parameter'],
  set: (text: string) => void,
): TemplateResult =>
  drawnOnPrompt(state, 'The picture or the tokens', (prompt, isOld) => {
    const picture = prompt.image && state.pictures.get(prompt.image.sha256);
    return html`<hs-regions
      class=${isOld ? 'old' : ''}
      .value=${value}
      .read=${prompt}
      .address=${picture?.address}
      .least=${least}
      .most=${most}
      .onInput=${set}
    ></hs-regions>`;
  });
