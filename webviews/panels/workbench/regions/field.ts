/** The field of a parameter that is regions: what is drawn, and its written form below. */
import { html, type TemplateResult } from 'lit';
import { regionListOf } from '../../../../protocol/interventions/regions';
import { textField } from '../../../ui/controls';
import type { RegionsField } from '../../../ui/table-fields';
import { promptWithRegions } from '../shown';
import type { State } from '../state';
import './control';

export function regionsField(state: State, { label, value, problem, parameter, set }: RegionsField): TemplateResult {
  // Fewer than are needed is no mistake while they are drawn: Run says why it is off.
  const drawn = regionListOf(value);
  const shown = drawn && drawn.length < parameter.least ? undefined : problem;
  return html`${drawable(state, value, parameter, set)}
  ${textField({ label, value, problem: shown, placeholder: '3-9/12-15, 0-3x0-1/0-3x2-3', onInput: set })}`;
}

function drawable(
  state: State,
  value: string,
  { least, most }: RegionsField['parameter'],
  set: (text: string) => void,
): TemplateResult {
  const asked = promptWithRegions(state);
  const { read } = state;
  if (!asked) return html`<p class="reason">The picture or the tokens appear here once there is a prompt.</p>`;
  const isOf = read?.of === asked.key;
  if (!read || (!isOf && read.folder !== asked.folder)) {
    return html`<p class="reason">The picture or the tokens of the prompt appear here.</p>`;
  }
  if (isOf && read.problem !== undefined) return html`<p class="problem" role="alert">${read.problem}</p>`;
  if (!read.prompt) return html`<p class="reason" role="status">Reading the prompt…</p>`;
  const picture = read.prompt.image && state.pictures.get(read.prompt.image.sha256);
  return html`<hs-regions
    class=${isOf && !read.isOld ? '' : 'old'}
    .value=${value}
    .read=${read.prompt}
    .address=${picture?.address}
    .least=${least}
    .most=${most}
    .onInput=${set}
  ></hs-regions>`;
}
