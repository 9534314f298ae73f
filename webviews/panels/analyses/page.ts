/** The arrangement of the panel: question, finding, bar, settings beside or above, sections below. */
import { html, nothing, type TemplateResult } from 'lit';
import { disclosure } from '../../ui/controls';
import { isOpen } from '../../ui/disclosures';
import { dotted } from '../../ui/dotted';
import { measuredHow } from '../../ui/run-status';
import type { Part } from './actions';
import { comparison } from './comparison';
import { circumstances, provenanceLines } from './made-by';
import { offers } from './offers';
import { sectionsOf } from './section-list';
import { settings, settingsSummary } from './settings';
import { findingOf, infoOf, isStale, shownSections } from './shown';
import { banners, emptyState, hasSections, runBar } from './status';

export function page(part: Part): TemplateResult {
  const { state, compact } = part;
  const strip = state.place === 'file' ? nothing : settingsStrip(part);
  return html`<main class="panel ${state.place} ${compact ? 'compact' : 'wide'}">
    <header>${heading(part)} ${runBar(part)} ${banners(part)}</header>
    <div class="body">
      ${strip}
      <div class="results">${state.opened ? html`${results(part)} ${provenance(part)}` : nothing}</div>
    </div>
  </main>`;
}

/** The answer first; without one, the question stands in its place. */
function heading({ state }: Part): TemplateResult {
  const info = infoOf(state);
  const finding = isStale(state) && state.shownPlan?.analysis !== state.form?.analysis ? undefined : findingOf(state);
  const question = info?.question ?? (state.result ? state.result.title : '');
  const lines = circumstances(state);
  return html`${finding === undefined ? nothing : html`<p id="question">${question}</p>`}
    <h1 id="finding">${finding ?? (question || (state.opened ? 'Analyses' : ''))}</h1>
    <p class="circumstances">${dotted(lines)}</p>`;
}

const settingsOpen = ({ state, beside }: Part): boolean => isOpen(state, 'settings', beside || !hasSections(state));

function settingsStrip(part: Part): TemplateResult {
  const open = settingsOpen(part);
  return html`<aside class="strip" aria-label="Analysis, model and input">
    ${disclosure({
      title: html`<strong>Settings</strong>${
          open ? nothing : html`<span class="muted summary">${settingsSummary(part.state)}</span>`
        }`,
      open,
      id: 'settings',
      onToggle: (now) => part.actions.toggle('settings', now),
      body: () => settings(part),
    })}
  </aside>`;
}

function results(part: Part): TemplateResult {
  const { state } = part;
  if (state.compareWith && state.result) return html`${comparison(part)} ${offers(part)}`;
  const sections = shownSections(state);
  return sections.length === 0 ? emptyState(part) : html`${sectionsOf(part, sections)} ${offers(part)}`;
}

function provenance({ state, actions }: Part): TemplateResult | typeof nothing {
  if (!state.result) return nothing;
  const open = isOpen(state, 'provenance', false);
  return measuredHow(provenanceLines(state.result, infoOf(state)), open, (now) => actions.toggle('provenance', now));
}
