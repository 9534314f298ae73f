/** Pictures and facts, of one model or of two beside each other. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ShownModel } from '../../../protocol/panels/model';
import { checkbox, disclosure } from '../../ui/controls';
import type { Part } from './actions';
import './dots-picture';
import { fittingPitch } from './dots-layout';
import { comparisonTable, factsTable } from './facts-table';
import { notes, origin, runButtons } from './header';
import { partTitle } from './layers';
import { legend } from './legend';
import { labelsOf } from './sentences';
import { serving, servingSection } from './serving';
import { isOpen } from './state';
import { splitBar } from './split';

export function body(part: Part): TemplateResult | typeof nothing {
  const { content } = part.shown;
  if (content.state === 'model') return oneModel(part, content.model);
  if (content.state === 'comparison') return twoModels(part, content.first, content.second);
  return nothing;
}

function oneModel(part: Part, model: ShownModel): TemplateResult {
  const facts = factsTable(model);
  return html`<div class="body one">
    <div class="pictures">${pictures(part, model, 0)}</div>
    <div class="numbers">
      ${
        part.compact
          ? html`${folded(part, 'facts', 'Facts', true, () => facts)}${parameters(part, model)}`
          : html`${facts}${parameters(part, model)}`
      }
    </div>
    <div class="serving">${folded(part, servingSection, 'Serving', false, () => serving(part, model))}</div>
  </div>`;
}

function twoModels(part: Part, first: ShownModel, second: ShownModel): TemplateResult {
  const labels = labelsOf(first, second);
  const pitch = Math.min(...[first, second].map((model) => pitchOf(part, model)));
  return html`<div class="body two">
    ${[first, second].map(
      (model, index) =>
        html`<section class="model" aria-label=${labels[index] ?? model.label}>
          <h2>${labels[index]}</h2>
          <p class="circumstances">${origin(part, model)}</p>
          <div class="run-bar">${runButtons(part, model, 'secondary')}</div>
          ${notes(model)} ${pictures(part, model, pitch)}
        </section>`,
    )}
    <div class="numbers">
      ${checkbox({
        label: 'Only what differs',
        checked: part.state.view.differencesOnly,
        onChange: (differencesOnly) => part.actions.view({ differencesOnly }),
      })}
      ${comparisonTable(first, second, labels, part.state.view.differencesOnly)}
      <div class="splits">${[first, second].map((model, index) => parameters(part, model, labels[index]))}</div>
    </div>
  </div>`;
}

const pitchOf = (part: Part, { facts }: ShownModel): number => fittingPitch(facts.parts, part.pictureWidth);

/** Every part at one spacing; in one column the parts after the first are folded. `shared`: the spacing of a comparison, or 0. */
function pictures(part: Part, model: ShownModel, shared: number): TemplateResult {
  const { parts } = model.facts;
  const dots = (one: (typeof parts)[number]): TemplateResult =>
    html`<hs-dots
      .shown=${one}
      .pitch=${shared > 0 ? shared : fittingPitch([one], part.pictureWidth)}
      .name=${model.label}
    ></hs-dots>`;
  const [main, ...others] = parts;
  if (main === undefined) return html``;
  if (!part.compact) return html`${parts.map(dots)}${legend(parts, part.dark)}`;
  return html`${dots(main)}${legend([main], part.dark)}
  ${others.map((other) => folded(part, `part-${other.path}`, partTitle(other), false, () => html`${dots(other)}${legend([other], part.dark)}`))}`;
}

function parameters(part: Part, { facts }: ShownModel, label?: string): TemplateResult {
  const title = label === undefined ? 'Parameters by part' : `Parameters of ${label}`;
  if (facts.file !== undefined && (facts.parameters?.parts.length ?? 0) === 0) return html``;
  if (facts.parameters === undefined) {
    return html`<p class="muted">
      ${label === undefined ? 'Parameters' : `Parameters of ${label}`} are not counted, because the layout of the family
      "${facts.family}" is not known in full.
    </p>`;
  }
  const bar = splitBar(facts.parameters, part.dark);
  return part.compact
    ? folded(part, `parameters-${label ?? ''}`, title, false, () => bar)
    : html`<section>
        <h2>${title}</h2>
        ${bar}
      </section>`;
}

const folded = (
  part: Part,
  name: string,
  title: string,
  otherwise: boolean,
  content: () => TemplateResult,
): TemplateResult =>
  disclosure({
    title,
    open: isOpen(part.state, name, otherwise),
    onToggle: (open) => part.actions.toggle(name, open),
    body: content,
  });
