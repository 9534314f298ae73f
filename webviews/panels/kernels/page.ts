/** The arrangement of the panel: the card of a mechanism, charts, the table, further sections. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Chart } from '../../charts/chart';
import { folded, panelPage } from '../../ui/panel-page';
import type { Part } from './actions';
import { cabSection } from './cab-table';
import { controlsStrip, stripSummary } from './controls-strip';
import { provenanceLines } from './exports';
import { circumstances, finding } from './finding';
import { mechanismCard } from './mechanism-card';
import { moduleSection } from './module-section';
import { chartCards, chartsOf, identitiesOf, legend, measuredOf, titleOf } from './pictures';
import { resultsTable } from './results-table';
import { progressOf, type State } from './state';
import { banners, bar, emptyState } from './status';
import { templateTable } from './template-table';

export function page(part: Part, emphasised: string | undefined): TemplateResult {
  const { state } = part;
  const title = titleOf(state);
  const identities = identitiesOf(state);
  return panelPage(part, {
    finding: finding(state, title),
    circumstances: circumstances(state, title),
    bar: bar(part),
    banners: banners(part),
    strip: {
      label: 'Settings',
      summary: stripSummary(state.form, title),
      empty: !hasRows(state),
      foldsInColumn: true,
      body: () => html`${controlsStrip(part, identities)}`,
    },
    results:
      state.opened || hasRows(state) ? html`${mechanismCard(part)} ${results(part, identities, emphasised)}` : nothing,
    awaits: 'Reading the settings of this panel…',
    after: html`${moduleSection(part)} ${cabSection(part)} ${templateTable(part)}`,
    provenance: progressOf(state).done === 0 ? [] : provenanceLines(state),
  });
}

const hasRows = ({ rows, phase }: State): boolean => rows.length > 0 || phase.kind === 'running';

function results(
  part: Part,
  identities: ReturnType<typeof identitiesOf>,
  emphasised: string | undefined,
): TemplateResult {
  const { state, compact } = part;
  if (!hasRows(state)) return emptyState(part);
  const charts = chartsOf(measuredOf(state, identities));
  const cards = (some: typeof charts): TemplateResult =>
    html`<div class="charts">${chartCards(part, some, emphasised)}</div>`;
  const shown = legend(part, identities);
  const table = () => resultsTable(part, identities);
  if (!compact)
    return html`${shown} ${cards(charts)}
      <section class="measurements" aria-label="Measurements">${table()}</section>`;
  return html`${cards(charts.slice(0, 1))} ${shown}
  ${folded(part, { name: 'table', title: 'Measurements', id: 'measurements' }, table)}
  ${folded(part, { name: 'pictures', title: morePictures(charts), id: 'more-pictures' }, () => cards(charts.slice(1)))}`;
}

const morePictures = (charts: readonly Chart[]): string =>
  charts.some(({ id }) => id === 'backward')
    ? 'Backward, ratio, memory, roofline, error'
    : 'Ratio, memory, roofline, error';
