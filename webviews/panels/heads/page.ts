/** The arrangement of the panel: pictures, intervention, tables. */
import { html, nothing, type TemplateResult } from 'lit';
import { headName } from '../../ui/head-names';
import { count } from '../../ui/numbers';
import { folded, panelPage } from '../../ui/panel-page';
import type { Part } from './actions';
import { tokenStrip } from './attention';
import { effects } from './effects';
import { provenanceLines } from './exports';
import { circumstances, finding } from './finding';
import { gridView } from './grid-view';
import { oneHead } from './one-head';
import { settings, settingsSummary } from './settings';
import { layersDone } from './shown';
import type { State } from './state';
import { banners, bar, emptyState } from './status';
import { ablationTable, changeTable, headTable, labelTable } from './tables';

export function page(part: Part): TemplateResult {
  const { state } = part;
  return panelPage(part, {
    finding: finding(state),
    circumstances: circumstances(state),
    explain: () => part.actions.post({ kind: 'showPage', page: 'analyses/labels' }),
    bar: bar(part),
    banners: banners(part),
    strip: {
      label: 'Model and prompt',
      summary: settingsSummary(state),
      empty: !hasPicture(state),
      foldsInColumn: true,
      body: () => settings(part),
    },
    results: state.opened ? results(part) : nothing,
    provenance: state.result ? provenanceLines(state.result) : [],
  });
}

const hasPicture = (state: State): boolean =>
  state.result !== undefined || state.phase.kind === 'running' || layersDone(state) > 0;

function results(part: Part): TemplateResult {
  const { state, compact } = part;
  if (!hasPicture(state)) return html`${emptyState(part)} ${compact ? nothing : tokenStrip(part)}`;
  return compact ? column(part) : wide(part);
}

function wide(part: Part): TemplateResult {
  return html`${tokenStrip(part)}
    <div class="pictures">
      <div class="left">${gridView(part)} ${part.beside ? effects(part) : nothing}</div>
      ${oneHead(part)}
    </div>
    ${part.beside ? nothing : effects(part)}
    ${
      part.state.result
        ? html`<section class="labels" aria-label="Labels">
              <h2>Labels</h2>
              ${labelTable(part)}
            </section>
            ${ablationTable(part)} ${changes(part)} ${everyHead(part)}`
        : nothing
    }`;
}

/** One column: the grid first, the selected head, its label, the rest folded. */
function column(part: Part): TemplateResult {
  const { state } = part;
  const { selected, result } = state;
  const fold = (name: string, title: string, body: () => TemplateResult | typeof nothing): TemplateResult =>
    folded(part, { name, title, id: `fold-${name}` }, body);
  return html`${gridView(part)}
  ${
    result && selected
      ? html`${fold('head', `Head ${headName(selected.layer, selected.head)}`, () => html`${oneHead(part)}`)}
          <section class="labels" aria-label="Top labels">
            <h2>Top labels</h2>
            ${labelTable(part, 5)}
          </section>
          ${fold('tokens', 'Tokens', () => tokenStrip(part))}
          ${state.place === 'file' ? nothing : fold('effects', 'Intervention and next token', () => effects(part))}
          ${changes(part)}`
      : nothing
  }`;
}

const changes = (part: Part): TemplateResult | typeof nothing =>
  part.state.compareWith && part.state.result
    ? folded(part, { name: 'changes', title: `Changes from ${part.state.compareWith.name}`, open: true }, () =>
        changeTable(part),
      )
    : nothing;

const everyHead = (part: Part): TemplateResult => {
  const { layers = 0, heads = 0 } = part.state.result ?? {};
  return folded(part, { name: 'heads', title: `All ${count(layers * heads)} heads`, id: 'all-heads' }, () =>
    headTable(part),
  );
};
