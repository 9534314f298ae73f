/** The parameters of an analysis as a form, one field for each row of its table. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Parameter } from '../../../protocol/analysis/parameters';
import { checkbox, dropdown, textField } from '../../ui/controls';
import { count } from '../../ui/numbers';
import type { Part } from './actions';
import { typedText } from './form';
import { pathField } from './path-field';
import { infoOf, readingOf } from './shown';

export function parameterFields(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const info = infoOf(state);
  const { form } = state;
  if (!info || !form || Object.keys(info.parameters).length === 0) return nothing;
  const reading = readingOf(state);
  const problems = (reading?.ok === false ? reading.problems.parameters : undefined) ?? {};
  return html`<section aria-label="Parameters" class="parameters">
    <h2>Parameters</h2>
    ${Object.entries(info.parameters).map(([name, parameter]) => {
      const value = typedText(info.parameters, form.parameters, name);
      return html`<div class="parameter" data-parameter=${name}>
        ${parameter.kind === 'boolean' ? nothing : html`<div class="parameter-name">${titleOf(parameter)}</div>`}
        ${control(part, name, parameter, value, problems[name])}
        <p class="reason">${parameter.description}${rangeOf(parameter)}</p>
      </div>`;
    })}
  </section>`;
}

const titleOf = (parameter: Parameter): string =>
  'unit' in parameter && parameter.unit ? `${parameter.title} (${parameter.unit})` : parameter.title;

const rangeOf = (parameter: Parameter): string =>
  parameter.kind === 'integer' || parameter.kind === 'number'
    ? ` From ${count(parameter.min)} to ${count(parameter.max)}, by default ${count(parameter.default)}.`
    : '';

function control(
  { state, actions }: Part,
  name: string,
  parameter: Parameter,
  value: string,
  problem: string | undefined,
): TemplateResult {
  const set = (typed: string): void => actions.edit({ parameters: { ...state.form?.parameters, [name]: typed } });
  const label = titleOf(parameter);
  switch (parameter.kind) {
    case 'integer':
    case 'number':
      return textField({ label, value, numeric: true, problem, onInput: set });
    case 'text':
      return textField({ label, value, problem, onInput: set });
    case 'heads':
      return textField({ label, value, problem, placeholder: '2.5,3.*', onInput: set });
    case 'file':
      return pathField({
        label,
        value,
        problem,
        what: 'file',
        placeholder: 'Path',
        onInput: set,
        onBrowse: () => actions.choosePath(name, 'file'),
      });
    case 'choice':
      return dropdown({
        label,
        choices: parameter.options.map((option) => ({ value: option, label: option })),
        value,
        onChange: set,
      });
    case 'boolean':
      return checkbox({ label: parameter.title, checked: value === 'true', onChange: (on) => set(String(on)) });
  }
}
