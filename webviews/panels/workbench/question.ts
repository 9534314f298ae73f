/** The question of the tab, or the next one, with its parameters: a few, the others folded. */
import { html, nothing, type TemplateResult } from 'lit';
import { isUsed, type Parameter, type ParameterTable } from '../../../protocol/analysis/parameters';
import type { Typed } from '../../ui/typed-parameters';
import { lastName } from '../../ui/model-field';
import { folded } from '../../ui/panel-page';
import type { Part } from './actions';
import { parametersOf } from './parameter-fields';
import { source } from './settings';
import { infoOf } from './shown';

/** Always shown, as the first of the table matter most. */
const shownFirst = 3;

const isSet = (table: ParameterTable, typed: Typed, name: string): boolean =>
  typed[name] !== undefined && typed[name] !== String(table[name]?.default ?? '');

/** Names of the first of the table and of those that were set, and of the others; one more is not worth a fold. */
export function fewParameters(table: ParameterTable, typed: Typed): readonly [readonly string[], readonly string[]] {
  const names = Object.keys(table).filter((name) => isUsed(table, name, typed));
  const few =
    names.length <= shownFirst + 1 ? names : names.filter((name, at) => at < shownFirst || isSet(table, typed, name));
  return [few, names.filter((name) => !few.includes(name))];
}

/** A path by its last name. */
const inShort = (parameter: Parameter | undefined, value: string): string =>
  parameter?.kind === 'file' || parameter?.kind === 'folder' ? lastName(value) : value;

/** `folds`: beside a result, its parameters are one line. */
export function question(part: Part, folds: boolean): TemplateResult | typeof nothing {
  const { state } = part;
  const info = infoOf(state);
  const { form } = state;
  if (!info || !form) return nothing;
  const set = Object.keys(info.parameters).filter(
    (name) => isUsed(info.parameters, name, form.parameters) && isSet(info.parameters, form.parameters, name),
  );
  const values = (shown: (parameter: Parameter | undefined, value: string) => string): string =>
    set
      .map((name) => {
        const parameter = info.parameters[name];
        return `${parameter?.title ?? name} ${shown(parameter, form.parameters[name] ?? '')}`;
      })
      .join(', ');
  const body = (): TemplateResult => html`${source(info, part)} ${fields(part, info.parameters, form.parameters)}`;
  return html`<section class="question" aria-label="Question">
    ${
      folds
        ? folded(
            part,
            {
              name: 'parameters',
              title:
                set.length === 0
                  ? 'Parameters: all by default'
                  : html`<span title=${values((_, value) => value)}>Parameters: ${values(inShort)}</span>`,
            },
            body,
          )
        : body()
    }
  </section>`;
}

function fields(part: Part, table: ParameterTable, typed: Typed): TemplateResult {
  const [few, others] = fewParameters(table, typed);
  return html`<div class="parameters">${parametersOf(part, table, few)}</div>
    ${
      others.length === 0
        ? nothing
        : folded(
            part,
            { name: 'more-parameters', title: `${others.length} more parameters` },
            () => html`<div class="parameters">${parametersOf(part, table, others)}</div>`,
          )
    }`;
}
