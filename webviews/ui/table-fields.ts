/** Parameters as a form, one field for each row of their table. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Parameter, ParameterTable } from '../../protocol/analysis/parameters';
import { checkbox, dropdown, textField } from './controls';
import { count } from './numbers';
import { pathField } from './path-field';
import { typedText, type Typed } from './typed-parameters';

interface TableFields {
  readonly table: ParameterTable;
  readonly typed: Typed;
  /** By name. */
  readonly problems: Readonly<Record<string, string>>;
  readonly onChange: (typed: Typed) => void;
  /** The field of a parameter that is regions, where there is more than its written form. */
  readonly regions?: (field: RegionsField) => TemplateResult;
  /** Lets the person choose a path for the parameter. */
  readonly onBrowse: (name: string, what: 'file' | 'folder') => void;
}

export interface RegionsField {
  readonly label: string;
  readonly value: string;
  readonly problem: string | undefined;
  readonly parameter: Extract<Parameter, { readonly kind: 'regions' }>;
  readonly set: (typed: string) => void;
}

export const tableFields = ({ table, typed, problems, regions, onChange, onBrowse }: TableFields): TemplateResult =>
  html`${Object.entries(table).map(
    ([name, parameter]) =>
      html`<div class="parameter" data-parameter=${name}>
        ${parameter.kind === 'boolean' ? nothing : html`<div class="parameter-name">${titleOf(parameter)}</div>`}
        ${control(parameter, {
          value: typedText(table, typed, name),
          problem: problems[name],
          set: (text) => onChange({ ...typed, [name]: text }),
          regions,
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
  readonly regions: TableFields['regions'];
  readonly browse: (what: 'file' | 'folder') => void;
}

function control(parameter: Parameter, { value, problem, set, regions, browse }: Control): TemplateResult {
  const label = titleOf(parameter);
  switch (parameter.kind) {
    case 'integer':
    case 'number':
      return textField({ label, value, numeric: true, problem, onInput: set });
    case 'text':
      return textField({ label, value, problem, onInput: set });
    case 'heads':
      return textField({ label, value, problem, placeholder: '2.5,3.*', onInput: set });
    case 'regions':
      return regions?.({ label, value, problem, parameter, set }) ?? textField({ label, value, problem, onInput: set });
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
