/** The parameters of an analysis as a form. */
import { html, nothing, type TemplateResult } from 'lit';
import { tableFields } from '../../ui/table-fields';
import type { Part } from './actions';
import { regionsField } from './regions/field';
import { infoOf, readingOf } from './shown';

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
      regions: (field) => regionsField(state, field),
      onChange: (parameters) => actions.edit({ parameters }),
      onBrowse: (name, what) => actions.choosePath(name, what),
    })}
  </section>`;
}
