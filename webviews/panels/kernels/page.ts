/** The arrangement of the panel: the card of a mechanism, charts, the table, further sections. */
import { html, nothing, type TemplateResult } from 'lit';
import { panelPage } from '../../ui/panel-page';
import type { Part } from './actions';
import { cabSection } from './cab-table';
import { controlsStrip, stripSummary } from './controls-strip';
import { provenanceLines } from './exports';
import { circumstances, finding } from './finding';
import { mechanismCard } from './mechanism-card';
import { moduleSection } from './module-section';
import { identitiesOf, titleOf } from './pictures';
import { measuredResult } from './result';
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
      state.opened || hasRows(state)
        ? html`${mechanismCard(part)}
          ${hasRows(state) ? measuredResult(part, identities, emphasised) : emptyState(part)}`
        : nothing,
    awaits: 'Reading the settings of this panel…',
    after: html`${moduleSection(part)} ${cabSection(part)} ${templateTable(part)}`,
    provenance: progressOf(state).done === 0 ? [] : provenanceLines(state),
  });
}

const hasRows = ({ rows, phase }: State): boolean => rows.length > 0 || phase.kind === 'running';
