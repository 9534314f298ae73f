/** The arrangement of the panel: finding, bar, settings beside or above, picture and caption, heads, before and after, tables. */
import { html, nothing, type TemplateResult } from 'lit';
import { disclosure } from '../../ui/controls';
import { dotted } from '../../ui/dotted';
import { isOpen } from '../../ui/disclosures';
import { count } from '../../ui/numbers';
import { measuredHow } from '../../ui/run-status';
import type { Part } from './actions';
import { captions } from './captions';
import { comparison } from './comparison';
import { known } from './known';
import { provenanceLines } from './exports';
import { circumstances, finding, findingHint } from './finding';
import { imageView } from './image-view';
import { ribbonView } from './ribbon';
import { setView } from './set-view';
import { settings, settingsSummary } from './settings';
import { readsTextOnly } from './run-plan';
import { pictureOf } from './shown';
import { shapeOf, type State } from './state';
import { spanMapView } from './span-map';
import { banners, emptyState, runBar } from './status';
import { headTable } from './tables';
import { vhdView } from './vhd-view';

export function page(part: Part): TemplateResult {
  const { state, compact } = part;
  const strip = state.place === 'file' ? nothing : settingsStrip(part);
  return html`<main class="panel ${state.place} ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding" title=${findingHint(state) ?? nothing}>${finding(state)}</h1>
      <p class="circumstances">${dotted(circumstances(state))}</p>
      ${wasReinforced(state) ? known(part) : nothing} ${runBar(part)} ${banners(part)}
    </header>
    <div class="body">
      ${compact ? nothing : strip}
      <div class="results">${results(part)} ${comparison(part)} ${compact ? strip : nothing} ${provenance(part)}</div>
    </div>
  </main>`;
}

/** What is known of the model belongs beside what was found in it. */
const wasReinforced = ({ result, set }: State): boolean => ((result ?? set)?.variants.length ?? 0) > 0;

const hasResult = ({ result, set, phase, firstStep, entries }: State): boolean =>
  result !== undefined ||
  set !== undefined ||
  phase.kind === 'running' ||
  firstStep !== undefined ||
  entries.length > 0;

function settingsStrip(part: Part): TemplateResult {
  const open = isOpen(part.state, 'settings', part.beside || !hasResult(part.state));
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
  if (!hasResult(state)) {
    return html`${emptyState(part)}
    ${state.form?.mode === 'image' && state.picture && !readsTextOnly(state) ? imageView(part) : nothing}`;
  }
  if (state.set || (!state.result && state.shownPlan?.mode === 'set')) return setView(part);
  return compact ? column(part) : wide(part);
}

function wide(part: Part): TemplateResult {
  const { state } = part;
  const hasMap = pictureOf(state) !== undefined || state.result?.removed.kind === 'span';
  return html`<div class="pictures ${hasMap ? '' : 'without-picture'}">
      ${imageView(part)} ${spanMapView(part)}
      <div class="right">${ribbonView(part)} ${vhdView(part)}</div>
    </div>
    ${captions(part)} ${state.result ? everyHead(part) : nothing}`;
}

/** One column: the picture first, then words and heads, the rest folded. */
function column(part: Part): TemplateResult {
  const { state, actions } = part;
  return html`${imageView(part)} ${spanMapView(part)} ${ribbonView(part)} ${vhdView(part)}
  ${
    state.result
      ? html`${disclosure({
          title: 'Before and after',
          open: isOpen(state, 'captions', state.result.variants.length > 0 || state.making !== undefined),
          id: 'fold-captions',
          onToggle: (open) => actions.toggle('captions', open),
          body: () => captions(part),
        })}
        ${everyHead(part)}`
      : nothing
  }`;
}

function everyHead(part: Part): TemplateResult {
  const { state, actions } = part;
  const { layers, heads } = shapeOf(state);
  return disclosure({
    title: `All ${count(layers * heads)} heads`,
    open: isOpen(state, 'heads', false),
    id: 'all-heads',
    onToggle: (open) => actions.toggle('heads', open),
    body: () => headTable(part),
  });
}

function provenance({ state, actions }: Part): TemplateResult | typeof nothing {
  const made = state.result ?? state.set;
  if (!made) return nothing;
  const open = isOpen(state, 'provenance', false);
  return measuredHow(provenanceLines(made), open, (now) => actions.toggle('provenance', now));
}
