/** The parameters of an analysis as a form, one field for each row of its table. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Parameter, ParameterTable } from '../../../protocol/analysis/parameters';
import { checkbox, dropdown, textField } from '../../ui/controls';
import { count } from '../../ui/numbers';
import type { Part } from './actions';
import { pathField } from './path-field';
import { infoOf, readingOf } from './shown';
import { typedText, type Typed } from './typed-parameters';

export function parameterFields(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const info = infoOf(state);
  const { form } = state;
  if (!info || !form || Object.keys(info.parameters).length === 0) return nothing;
  const reading = readingOf(state);
  return html`<section aria-label="Parameters" class="parameters">
    <h2>Parameters</h2>
    ${tableFields({
      table: info.parameters,
      typed: form.parameters,
      problems: (reading?.ok === false ? reading.problems.parameters : undefined) ?? {},
      onChange: (parameters) => actions.edit({ parameters }),
      onBrowse: (name, what) => actions.choosePath(name, what),
    })}
  </section>`;
}

interface TableFields {
  readonly table: ParameterTable;
  readonly typed: Typed;
  /** By name. */
  readonly problems: Readonly<Record<string, string>>;
  readonly onChange: (typed: Typed) => void;
  /** Lets the person choose a path for the parameter. */
  readonly onBrowse: (name: string, what: 'file' | 'folder') => void;
}

export const tableFields = ({ table, typed, problems, onChange, onBrowse }: TableFields): TemplateResult =>
  html`${Object.entries(table).map(
    ([name, parameter]) =>
      html`<div class="parameter" data-parameter=${name}>
        ${parameter.kind === 'boolean' ? nothing : html`<div class="parameter-name">${titleOf(parameter)}</div>`}
        ${control(parameter, {
          value: typedText(table, typed, name),
          problem: problems[name],
          set: (text) => onChange({ ...typed, [name]: text }),
          browse: (what) => onBrowse(name, what),
        })}
        <p class="reason">${sentence(parameter.description)}${rangeOf(parameter)}</p>
      </div>`,
  )}`;

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`);

const titleOf = (parameter: Parameter): string =>
  'unit' in parameter && parameter.unit ? `${parameter.title} (${parameter.unit})` : parameter.title;

const rangeOf = (parameter: Parameter): string =>
  parameter.kind === 'integer' || parameter.kind === 'number'
    ? ` From ${count(parameter.min)} to ${count(parameter.max)}, by default ${count(parameter.default)}.`
    : '';

interface Control {
  readonly value: string;
  readonly problem: string | undefined;
  readonly set: (typed: string) => void;
  readonly browse: (what: 'file' | 'folder') => void;
}

function control(parameter: Parameter, { value, problem, set, browse }: Control): TemplateResult {
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
    case 'folder': {
      const what = parameter.kind;
      return pathField({
        label,
        value,
        problem,
        what,
        placeholder: 'Path',
        onInput: set,
        onBrowse: () => browse(what),
      });
    }
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
