/** The arrangement of the panel: finding, bar, settings beside or below, sections, offers. */
import { html, nothing, type TemplateResult } from 'lit';
import { panelPage } from '../../ui/panel-page';
import { idle } from '../../ui/phase';
import type { Part } from './actions';
import { ask } from './ask';
import { comparison } from './comparison';
import { circumstances, heading, provenanceLines } from './made-by';
import { explainer } from './explainer';
import { historyList } from './history-list';
import { known } from './known';
import { offers } from './offers';
import { sectionsOf } from './section-list';
import { settings, settingsSummary } from './settings';
import { question } from './question';
import { infoOf, isAway, shownSections } from './shown';
import type { State } from './state';
import { banners, bar, emptyState } from './status';
import { tabRow } from './tab-row';

export function page(part: Part): TemplateResult {
  const { state } = part;
  return state.tabs && isAway(state) ? next({ ...part, state: withoutResult(state) }) : shown(part);
}

/** Nothing of a result is on the screen while the next question is chosen. */
const withoutResult = (state: State): State => ({
  ...state,
  result: undefined,
  partial: undefined,
  shownSetup: undefined,
  compareWith: undefined,
  savedAs: undefined,
  kept: 0,
  phase: state.phase.kind === 'failed' ? state.phase : idle,
});

/** One template for what is shown and what is asked next: the row stays, and the focus in it. */
const underTabs = (part: Part, body: TemplateResult): TemplateResult => html`${tabRow(part)} ${body}`;

const titles = { ask: 'What do you want to know?', history: 'Earlier results' } as const;

function next(part: Part): TemplateResult {
  const { state } = part;
  const { front: inFront, look } = state.view;
  const front = inFront === 'tab' ? (look ? 'look' : 'ask') : inFront;
  const isQuestion = front === 'question' || front === 'look';
  return panelPage(part, {
    finding: front === 'question' || front === 'look' ? heading(state) : titles[front],
    circumstances: isQuestion ? circumstances(state) : '',
    explain: isQuestion ? explainer(part) : undefined,
    bar: isQuestion ? bar(part) : nothing,
    banners: banners(part),
    strip: {
      label: 'Request',
      summary: settingsSummary(state),
      empty: isQuestion,
      leads: true,
      body: () => settings(part),
    },
    results: underTabs(
      part,
      front === 'history'
        ? historyList(part)
        : front === 'ask'
          ? ask(part)
          : html`${question(part, false)} ${emptyState(part)}`,
    ),
    provenance: [],
  });
}

function shown(part: Part): TemplateResult {
  const { state } = part;
  return panelPage(part, {
    finding: heading(state),
    circumstances: circumstances(state),
    explain: explainer(part),
    // What is known of the model belongs beside what was found in it.
    known: known(part),
    bar: bar(part),
    banners: banners(part),
    strip: {
      label: state.tabs ? 'Request' : 'Settings',
      summary: settingsSummary(state),
      empty: shownSections(state).length === 0,
      body: () => settings(part),
    },
    results: !state.opened
      ? nothing
      : state.tabs
        ? underTabs(part, html`${question(part, true)} ${results(part)}`)
        : results(part),
    provenance: state.result ? provenanceLines(state.result, infoOf(state)) : [],
  });
}

function results(part: Part): TemplateResult {
  const { state } = part;
  if (state.compareWith && state.result) return html`${comparison(part)} ${offers(part)}`;
  const sections = shownSections(state);
  return sections.length === 0 ? emptyState(part) : html`${sectionsOf(part, sections)} ${offers(part)}`;
}
