/** The arrangement of the panel: finding, bar, settings beside or above, pictures, intervention, tables. */
import { html, nothing, type TemplateResult } from 'lit';
import { disclosure } from '../../ui/controls';
import { dotted } from '../../ui/dotted';
import { count } from '../../ui/numbers';
import { measuredHow } from '../../ui/run-status';
import { isOpen } from '../../ui/disclosures';
import type { Part } from './actions';
import { effects } from './effects';
import { provenanceLines } from './exports';
import { circumstances, finding } from './finding';
import { gridView } from './grid-view';
import { headName } from '../../ui/head-names';
import { oneHead } from './one-head';
import { settings, settingsSummary } from './settings';
import { layersDone } from './shown';
import type { State } from './state';
import { banners, emptyState, runBar } from './status';
import { ablationTable, changeTable, headTable, labelTable } from './tables';
import { tokenStrip } from './token-strip';

export function page(part: Part): TemplateResult {
  const { state, compact } = part;
  const strip = state.place === 'file' ? nothing : settingsStrip(part);
  return html`<main class="panel ${state.place} ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding">${finding(state)}</h1>
      <p class="circumstances">${dotted(circumstances(state))}</p>
      ${runBar(part)} ${banners(part)}
    </header>
    <div class="body">
      ${compact ? nothing : strip}
      <div class="results">${results(part)} ${compact ? strip : nothing} ${provenance(part)}</div>
    </div>
  </main>`;
}

const hasPicture = (state: State): boolean =>
  state.result !== undefined || state.phase.kind === 'running' || layersDone(state) > 0;

const settingsOpen = ({ state, beside, compact }: Part): boolean =>
  isOpen(state, 'settings', beside || (!compact && !hasPicture(state)));

function settingsStrip(part: Part): TemplateResult {
  const open = settingsOpen(part);
  return html`<aside class="strip" aria-label="Model and prompt">
    ${disclosure({
      title: html`<strong>Model and prompt</strong
        >${open ? nothing : html`<span class="muted summary">${settingsSummary(part.state)}</span>`}`,
      open,
      id: 'settings',
      onToggle: (now) => part.actions.toggle('settings', now),
      body: () => settings(part),
    })}
  </aside>`;
}

function results(part: Part): TemplateResult {
  const { state, compact } = part;
  if (!state.opened) return html``;
  if (!hasPicture(state)) return html`${emptyState(part)} ${compact ? nothing : tokenStrip(part)}`;
  return compact ? column(part) : wide(part);
}

function wide(part: Part): TemplateResult {
  const { state } = part;
  return html`${tokenStrip(part)}
    <div class="pictures">
      <div class="left">${gridView(part)} ${part.beside ? effects(part) : nothing}</div>
      ${oneHead(part)}
    </div>
    ${part.beside ? nothing : effects(part)}
    ${
      state.result
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
  const { state, actions } = part;
  const { selected, result } = state;
  const folded = (name: string, title: string, body: () => TemplateResult | typeof nothing): TemplateResult =>
    disclosure({
      title,
      open: isOpen(state, name, false),
      id: `fold-${name}`,
      onToggle: (open) => actions.toggle(name, open),
      body,
    });
  return html`${gridView(part)}
  ${
    result && selected
      ? html`${folded('head', `Head ${headName(selected.layer, selected.head)}`, () => html`${oneHead(part)}`)}
          <section class="labels" aria-label="Top labels">
            <h2>Top labels</h2>
            ${labelTable(part, 5)}
          </section>
          ${folded('tokens', 'Tokens', () => tokenStrip(part))}
          ${state.place === 'file' ? nothing : folded('effects', 'Intervention and next token', () => effects(part))}
          ${changes(part)}`
      : nothing
  }`;
}

function changes(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  if (!state.compareWith || !state.result) return nothing;
  return disclosure({
    title: `Changes from ${state.compareWith.name}`,
    open: isOpen(state, 'changes', true),
    id: 'changes',
    onToggle: (open) => actions.toggle('changes', open),
    body: () => changeTable(part),
  });
}

function everyHead(part: Part): TemplateResult {
  const { state, actions } = part;
  return disclosure({
    title: `All ${count((state.result?.layers ?? 0) * (state.result?.heads ?? 0))} heads`,
    open: isOpen(state, 'heads', false),
    id: 'all-heads',
    onToggle: (open) => actions.toggle('heads', open),
    body: () => headTable(part),
  });
}

function provenance({ state, actions }: Part): TemplateResult | typeof nothing {
  if (!state.result) return nothing;
  const open = isOpen(state, 'provenance', false);
  return measuredHow(provenanceLines(state.result), open, (now) => actions.toggle('provenance', now));
}
