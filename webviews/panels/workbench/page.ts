/** The arrangement of the panel: finding, bar, settings beside or below, sections, offers. */
import { html, nothing, type TemplateResult } from 'lit';
import { panelPage } from '../../ui/panel-page';
import type { Part } from './actions';
import { comparison } from './comparison';
import { circumstances, heading, provenanceLines } from './made-by';
import { explainer } from './explainer';
import { offers } from './offers';
import { sectionsOf } from './section-list';
import { settings, settingsSummary } from './settings';
import { infoOf, shownSections } from './shown';
import { banners, bar, emptyState } from './status';

export function page(part: Part): TemplateResult {
  const { state } = part;
  return panelPage(part, {
    finding: heading(state),
    circumstances: circumstances(state),
    explain: explainer(part),
    bar: bar(part),
    banners: banners(part),
    strip: {
      label: 'Settings',
      summary: settingsSummary(state),
      empty: shownSections(state).length === 0,
      body: () => settings(part),
    },
    results: state.opened ? results(part) : nothing,
    provenance: state.result ? provenanceLines(state.result, infoOf(state)) : [],
  });
}

function results(part: Part): TemplateResult {
  const { state } = part;
  if (state.compareWith && state.result) return html`${comparison(part)} ${offers(part)}`;
  const sections = shownSections(state);
  return sections.length === 0 ? emptyState(part) : html`${sectionsOf(part, sections)} ${offers(part)}`;
}
