/** What was measured: the legend, the charts and the table. */
import { html, type TemplateResult } from 'lit';
import type { Chart } from '../../charts/chart';
import type { Identities } from '../../charts/palette';
import { folded } from '../../ui/panel-page';
import type { ResultPart } from './actions';
import { chartCards, chartsOf, legend, measuredOf } from './pictures';
import { resultsTable } from './results-table';

/** In one column the first chart leads, and the rest is folded. */
export function measuredResult(
  part: ResultPart,
  identities: Identities,
  emphasised: string | undefined,
): TemplateResult {
  const charts = chartsOf(measuredOf(part.state, identities));
  const cards = (some: typeof charts): TemplateResult =>
    html`<div class="charts">${chartCards(part, some, emphasised)}</div>`;
  const shown = legend(part, identities);
  const table = () => resultsTable(part, identities);
  if (!part.compact)
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
