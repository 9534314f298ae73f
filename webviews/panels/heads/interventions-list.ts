/** Interventions of every kind in their written form: added, edited with the reason where one cannot be read, and removed. */
import { html, nothing, type TemplateResult } from 'lit';
import { parseDo } from '../../../protocol/interventions/do-form';
import { kindNames, kindOf, kinds, type KindName } from '../../../protocol/interventions/interventions';
import { button, dropdown, textField } from '../../ui/controls';
import type { Part } from './actions';

const adding = 'add';

/** Gains are set on the heads themselves. */
const offered: readonly KindName[] = kindNames.filter((name) => name !== 'gain');

export function interventionsList({ state, actions }: Part): TemplateResult | typeof nothing {
  const { form } = state;
  if (!form) return nothing;
  const { others } = form;
  const edit = (next: readonly string[]): void => actions.edit({ others: next });
  return html`<div class="interventions-list" role="group" aria-label="Further interventions">
    ${others.map((text, at) => {
      const read = parseDo(text);
      const label = `Intervention ${at + 1}`;
      return html`<div class="intervention-row">
          ${textField({
            label,
            value: text,
            problem: read.ok ? undefined : read.why,
            onInput: (typed) => edit(others.with(at, typed)),
          })}
          ${button({
            label: `Remove intervention ${at + 1}`,
            icon: 'close',
            appearance: 'icon',
            onClick: () => edit(others.filter((_, other) => other !== at)),
          })}
        </div>
        ${read.ok ? html`<p class="reason">${kindOf(read.value).sentence(read.value)}</p>` : nothing}`;
    })}
    ${dropdown({
      label: 'Add an intervention',
      value: adding,
      choices: [
        { value: adding, label: 'Add an intervention…' },
        ...offered.map((name) => ({ value: name, label: kinds[name].name, hint: kinds[name].meaning })),
      ],
      onChange: (name) => edit([...others, kinds[name as KindName].example]),
    })}
  </div>`;
}
