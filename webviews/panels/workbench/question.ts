/** The question of the tab, or the next one, with its parameters: a few, the others folded. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Typed } from '../../ui/typed-parameters';
import { folded } from '../../ui/panel-page';
import type { Part } from './actions';
import { parametersOf } from './parameter-fields';
import { source } from './settings';
import { infoOf } from './shown';

/** Always shown, as the first of the table matter most. */
const shownFirst = 3;

const isSet = (table: ParameterTable, typed: Typed, name: string): boolean =>
  typed[name] !== undefined && typed[name] !== String(table[name]?.default ?? '');

/** The first of the table and those that were set; one more is not worth a fold. */
export function fewParameters(table: ParameterTable, typed: Typed): readonly [ParameterTable, ParameterTable] {
  const names = Object.keys(table);
  const few =
    names.length <= shownFirst + 1 ? names : names.filter((name, at) => at < shownFirst || isSet(table, typed, name));
  const of = (chosen: (name: string) => boolean): ParameterTable =>
    Object.fromEntries(Object.entries(table).filter(([name]) => chosen(name)));
  return [of((name) => few.includes(name)), of((name) => !few.includes(name))];
}

/** `folds`: beside a result, its parameters are one line. */
export function question(part: Part, folds: boolean): TemplateResult | typeof nothing {
  const { state } = part;
  const info = infoOf(state);
  const { form } = state;
  if (!info || !form) return nothing;
  const set = Object.keys(info.parameters).filter((name) => isSet(info.parameters, form.parameters, name));
  const values = set.map((name) => `${info.parameters[name]?.title ?? name} ${form.parameters[name] ?? ''}`);
  const body = (): TemplateResult => html`${source(info, part)} ${fields(part, info.parameters, form.parameters)}`;
  return html`<section class="question" aria-label="Question">
    ${
      folds
        ? folded(
            part,
            {
              name: 'parameters',
              title: values.length === 0 ? 'Parameters: all by default' : `Parameters: ${values.join(', ')}`,
            },
            body,
          )
        : body()
    }
  </section>`;
}

function fields(part: Part, table: ParameterTable, typed: Typed): TemplateResult {
  const [few, others] = fewParameters(table, typed);
  const count = Object.keys(others).length;
  return html`<div class="parameters">${parametersOf(part, few)}</div>
    ${
      count === 0
        ? nothing
        : folded(
            part,
            { name: 'more-parameters', title: `${count} more parameters` },
            () => html`<div class="parameters">${parametersOf(part, others)}</div>`,
          )
    }`;
}
