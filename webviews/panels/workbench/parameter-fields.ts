/** The parameters of an analysis as a form. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { tableFields } from '../../ui/table-fields';
import type { Part } from './actions';
import { regionsField } from './regions/field';
import { spanField } from './regions/span-field';
import { infoOf, readingOf } from './shown';

export function parameterFields(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const info = infoOf(state);
  const { form } = state;
  if (!info || !form || Object.keys(info.parameters).length === 0) return nothing;
  return html`<section aria-label="Parameters" class="parameters">
    <h2>Parameters</h2>
    ${parametersOf(part, info.parameters)}
  </section>`;
}

/** `table`: of the analysis in the form; `only`: the names of those that are shown here. */
export function parametersOf(
  { state, actions }: Part,
  table: ParameterTable,
  only?: readonly string[],
): TemplateResult {
  const reading = readingOf(state);
  return tableFields({
    table,
    ...(only ? { only } : {}),
    typed: state.form?.parameters ?? {},
    problems: (reading?.ok === false ? reading.problems.parameters : undefined) ?? {},
    regions: (field) => regionsField(state, field),
    span: (field) => spanField(state, field),
    onChange: (parameters) => actions.edit({ parameters }),
    onBrowse: (name, what) => actions.choosePath(name, what),
  });
}
