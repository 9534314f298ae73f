/** Mechanisms by family: a checkbox, what it would need, why it cannot run, and a form of its parameters. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { MechanismInfo, ParameterInfo } from '../../../protocol/compute/api';
import { symbol } from '../../charts/symbol';
import type { Identities } from '../../charts/palette';
import { button, checkbox, dropdown, field, textField } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { bytes, count } from '../../ui/numbers';
import { isOpen } from '../../ui/disclosures';
import type { Actions, Part } from './actions';
import type { Form, Problems } from './form';
import { parseLengths } from './lengths';
import { whyNot } from './state';

const familyTitles: Readonly<Record<string, string>> = {
  dense: 'Dense',
  sparse: 'Sparse',
  linear: 'Linear',
  positional: 'Positional',
  latent: 'Latent',
  memory: 'Memory',
  gate: 'Gates',
  distributed: 'Distributed',
};

export function mechanismList(part: Part, form: Form, problems: Problems, identities: Identities): TemplateResult {
  const { state, actions } = part;
  const filter = state.view.mechanismFilter ?? '';
  const shown = matching(state.mechanisms, filter);
  const families = [...new Set(shown.map(({ family }) => family))];
  const hidden = form.mechanisms.filter((id) => !shown.some((one) => one.id === id)).length;
  return html`<div class="mechanism-filter">
      ${textField({
        label: 'Filter the mechanisms',
        value: filter,
        placeholder: 'Filter: window, linear, 2004.05150',
        hint: 'Every word in a name, family, summary or source. What is ticked stays ticked.',
        onInput: (mechanismFilter) => actions.view({ mechanismFilter }),
      })}
      <div class="reason" role="status">${filterWords(filter, shown.length, state.mechanisms.length, hidden)}</div>
    </div>
    <div class="mechanisms">
      ${families.map(
        (family) =>
          html`<div class="family" role="group" aria-label="${familyTitles[family] ?? family} mechanisms">
            <h3>${familyTitles[family] ?? family}</h3>
            ${repeat(
              shown.filter((one) => one.family === family),
              ({ id }) => id,
              (mechanism) => mechanismRow(part, form, problems, identities, mechanism),
            )}
          </div>`,
      )}
      ${problems.mechanisms ? html`<div class="problem" role="alert">${problems.mechanisms}</div>` : nothing}
    </div>`;
}

/** Those in which every word stands somewhere: title, id, family, summary, source. */
export function matching(mechanisms: readonly MechanismInfo[], filter: string): readonly MechanismInfo[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return mechanisms.filter(({ id, title, family, summary, source }) => {
    const text = [id, title, family, familyTitles[family], summary, source.reference].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function filterWords(filter: string, shown: number, all: number, hidden: number): string {
  if (filter.trim() === '') return '';
  const ticked = hidden === 0 ? '' : `; ${hidden} of the ticked ${hidden === 1 ? 'is' : 'are'} not among them`;
  return `${shown} of ${all} mechanisms${ticked}`;
}

function mechanismRow(
  part: Part,
  form: Form,
  problems: Problems,
  identities: Identities,
  mechanism: MechanismInfo,
): TemplateResult {
  const { state, actions } = part;
  const { id, title, parameters } = mechanism;
  const why = whyNot(state, mechanism);
  const identity = identities.get(id);
  const predicted = state.supports.find((one) => one.mechanism === id)?.predictedPeakBytes;
  const hasProblem = parameters.some(({ name }) => problems[`parameter:${id}:${name}`] !== undefined);
  const open = isOpen(state, `parameters-${id}`, false) || hasProblem;
  const chosen = form.mechanisms.includes(id);
  // Its place is kept from the start: when the answer comes, nothing below moves.
  const estimated = why === undefined && (chosen || form.baseline === id);
  const baseline =
    form.baseline === id ? html`<span class="tag" title="The others are compared with it">baseline</span>` : nothing;
  return html`<div class="mechanism ${why === undefined ? '' : 'unavailable'}">
    <div class="mechanism-line">
      ${checkbox({
        label: html`<span class="mechanism-name"
          >${identity ? symbol(identity, part.dark) : nothing}<span>${title} ${baseline}</span></span
        >`,
        name: title,
        checked: chosen,
        disabled: why !== undefined && !chosen,
        hint: `${mechanism.summary}\n${mechanism.source.reference}`,
        ...(why === undefined ? {} : { describedBy: `why-${id}` }),
        onChange: (checked) =>
          actions.edit({
            // In the order of the catalogue, so that ticking twice leaves the plan as it was.
            mechanisms: state.mechanisms
              .map((one) => one.id)
              .filter((one) => (one === id ? checked : form.mechanisms.includes(one))),
          }),
      })}
      <span class="mechanism-facts">
        ${
          estimated
            ? html`<span class="muted memory-estimate" title=${estimateWords(form)}
                >${predicted === undefined ? nothing : `≈ ${bytes(predicted)}`}</span
              >`
            : nothing
        }
        ${button({
          label: `${title}: definition and parameters`,
          hint: parameters.length > 0 ? 'Definition and parameters' : 'Definition',
          icon: parameters.length > 0 ? 'settings' : 'info',
          appearance: 'icon',
          pressed: open,
          onClick: () => actions.toggle(`parameters-${id}`, !open),
        })}
      </span>
    </div>
    ${why === undefined ? nothing : html`<div class="reason" id="why-${id}">${why}</div>`}
    ${open ? details(part, form, problems, mechanism) : nothing}
  </div>`;
}

/** What stands behind the bytes beside a mechanism. */
function estimateWords({ lengths }: Form): string {
  const parsed = parseLengths(lengths);
  const longest = parsed.ok ? `${count(parsed.lengths.at(-1) ?? 0)} tokens` : 'the longest length';
  return `Peak memory at ${longest} as the cost model estimates it before a run; what a run measures may differ.`;
}

function details({ actions }: Part, form: Form, problems: Problems, mechanism: MechanismInfo): TemplateResult {
  const { id, parameters } = mechanism;
  return html`<div class="mechanism-details">
    <p>${mechanism.summary}</p>
    <p class="muted">${sourceLine(mechanism, actions)}</p>
    ${button({
      label: 'Pattern and costs',
      icon: 'symbol-array',
      appearance: 'secondary',
      hint: 'What each query reads, and the formulas of its cost',
      onClick: () => actions.openCard(id),
    })}
    ${
      parameters.length > 0
        ? html`<div class="fields">
            ${parameters.map((parameter) =>
              field(
                parameter.title,
                parameterControl(
                  parameter,
                  `${mechanism.title}: ${parameter.title}`,
                  form.parameters[id]?.[parameter.name] ?? String(parameter.default),
                  problems[`parameter:${id}:${parameter.name}`],
                  (value) => actions.setParameter(id, parameter.name, value),
                ),
                parameter.description,
              ),
            )}
          </div>`
        : nothing
    }
  </div>`;
}

/** Where the definition is from, and what was chosen where the source leaves a choice. */
export function sourceLine({ source }: Pick<MechanismInfo, 'source'>, actions: Actions): TemplateResult {
  const url = linkOf(source.reference);
  return html`${
    url
      ? html`<button type="button" class="link" title=${url} @click=${() => actions.post({ kind: 'openLink', url })}>
          ${source.reference} ${icon('link-external')}
        </button>`
      : source.reference
  }${source.note ? html`<br />${source.note}` : nothing}`;
}

function parameterControl(
  parameter: ParameterInfo,
  label: string,
  value: string | boolean,
  problem: string | undefined,
  set: (value: string | boolean) => void,
): TemplateResult {
  switch (parameter.kind) {
    case 'boolean':
      return checkbox({
        label: '',
        name: label,
        checked: value === true || value === 'true',
        hint: parameter.description,
        onChange: set,
      });
    case 'choice':
      return dropdown({
        label,
        choices: (parameter.options ?? []).map((option) => ({ value: option, label: option })),
        value: String(value),
        onChange: set,
      });
    case 'integer':
    case 'number':
      return textField({
        label,
        value: String(value),
        hint: parameter.description,
        problem,
        numeric: true,
        onInput: set,
      });
  }
}

/** The page of a paper named as `arXiv:2004.05150, section 3.1`, or of a reference that holds an address. */
export function linkOf(reference: string): string | undefined {
  const paper = /arXiv:(\d{4}\.\d{4,5})/i.exec(reference)?.[1];
  return paper ? `https://arxiv.org/abs/${paper}` : /https:\/\/[^\s,)]+/.exec(reference)?.[0];
}
