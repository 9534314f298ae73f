/** Parameters as a form, one field for each row of their table. */
import { html, nothing, type TemplateResult } from 'lit';
import { isUsed, type Parameter, type ParameterTable } from '../../protocol/analysis/parameters';
import { checkbox, dropdown, textField } from './controls';
import { count } from './numbers';
import { pathField } from './path-field';
import { typedText, type Typed } from './typed-parameters';

interface TableFields {
  readonly table: ParameterTable;
  /** Names of those that have a field here; absent: all. Of these only what says something beside the others is shown. */
  readonly only?: readonly string[];
  readonly typed: Typed;
  /** By name. */
  readonly problems: Readonly<Record<string, string>>;
  readonly onChange: (typed: Typed) => void;
  /** The field of a parameter that is regions, where there is more than its written form. */
  readonly regions?: (field: RegionsField) => TemplateResult;
  /** What marks a part of the prompt on its tokens, above its two numbers. */
  readonly span?: (field: SpanField) => TemplateResult;
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

/** Positions of tokens; `end` is behind the last one. */
export interface SpanField {
  readonly start: number;
  readonly end: number;
  readonly set: (start: number, end: number) => void;
}

export const tableFields = ({
  table,
  only,
  typed,
  problems,
  regions,
  span,
  onChange,
  onBrowse,
}: TableFields): TemplateResult =>
  html`${Object.entries(table)
    .filter(([name]) => (only?.includes(name) ?? true) && isUsed(table, name, typed))
    .map(
      ([name, parameter]) =>
        html`<div class="parameter" data-parameter=${name}>
          ${parameter.kind === 'boolean' ? nothing : html`<div class="parameter-name">${titleOf(parameter)}</div>`}
          ${span === undefined ? nothing : marked(table, typed, name, span, onChange)}
          ${control(parameter, {
            value: typedText(table, typed, name),
            problem: problems[name],
            set: (text) => onChange({ ...typed, [name]: text }),
            regions,
            browse: (what) => onBrowse(name, what),
          })}
          <p class="reason">${meaning(parameter, typedText(table, typed, name))}${rangeOf(parameter)}</p>
        </div>`,
    )}`;

function marked(
  table: ParameterTable,
  typed: Typed,
  name: string,
  span: NonNullable<TableFields['span']>,
  onChange: TableFields['onChange'],
): TemplateResult | typeof nothing {
  const parameter = table[name];
  const last = parameter && 'spanTo' in parameter ? parameter.spanTo : undefined;
  if (last === undefined) return nothing;
  const [start, end] = [name, last].map((each) => Number(typedText(table, typed, each)));
  return span({
    start: start ?? Number.NaN,
    end: end ?? Number.NaN,
    set: (from, to) => onChange({ ...typed, [name]: String(from), [last]: String(to) }),
  });
}

/** What the chosen option is, after what is chosen. */
const meaning = (parameter: Parameter, value: string): string => {
  const named = parameter.kind === 'choice' ? parameter.names?.[value] : undefined;
  return `${sentence(parameter.description)}${named ? ` ${named.title}: ${sentence(named.definition)}` : ''}`;
};

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`);

const titleOf = (parameter: Parameter): string =>
  'unit' in parameter && parameter.unit ? `${parameter.title} (${parameter.unit})` : parameter.title;

const rangeOf = (parameter: Parameter): string =>
  parameter.kind === 'integer' || parameter.kind === 'number'
    ? ` From ${count(parameter.min)} to ${count(parameter.max)}, by default ${count(parameter.default)}.`
    : '';

const emptyOf = ({ whenEmpty }: { readonly whenEmpty?: string }): { readonly placeholder?: string } =>
  whenEmpty === undefined ? {} : { placeholder: whenEmpty };

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
      return textField({ label, value, problem, ...emptyOf(parameter), onInput: set });
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
        placeholder: parameter.whenEmpty ?? 'Path',
        onInput: set,
        onBrowse: () => browse(what),
        ...(parameter.orFolder === true ? { onBrowseFolder: () => browse('folder') } : {}),
      });
    }
    case 'choice':
      return dropdown({
        label,
        choices: parameter.options.map((option) => ({
          value: option,
          label: parameter.names?.[option]?.title ?? option,
          hint: parameter.names?.[option]?.definition ?? option,
        })),
        value,
        onChange: set,
      });
    case 'boolean':
      return checkbox({ label: parameter.title, checked: value === 'true', onChange: (on) => set(String(on)) });
  }
}
