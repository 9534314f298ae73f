/** The sections of a picture, or of a part of a text, with what a choice in them does. */
import { html, nothing, type TemplateResult } from 'lit';
import { headKey } from '../../ui/head-names';
import { folded } from '../../ui/panel-page';
import type { Part } from './actions';
import { mapChooser } from './map-words';
import { headsSection, layersSection, plainSection, resultChanges, spanSection } from './result-sections';
import { oneSection, type Own } from './section-list';
import { setChanges } from './set-sections';

/** The selected head, which the panel holds. */
const ofHead = ({ state, actions }: Part): Own => ({
  cursor: state.selected && headKey(state.selected.layer, state.selected.head),
  choose: (cursor) => {
    const [layer, head] = (cursor ?? '').split('.').map(Number);
    if (layer !== undefined && head !== undefined) actions.select({ layer, head });
  },
});

/** The chosen token, whose step and map are shown. */
export const ofToken = ({ state, actions }: Part, variant: number | null): Own => ({
  cursor: state.token.variant === variant ? String(state.token.step) : undefined,
  choose: (cursor) => {
    if (cursor !== undefined) actions.selectToken({ variant, step: Number(cursor) });
  },
});

export function spanView(part: Part): TemplateResult | typeof nothing {
  const section = spanSection(part.state);
  return section
    ? html`<div class="image-view span-map">
        <div class="image-tools">${mapChooser(part)}</div>
        ${oneSection(part, section)}
      </div>`
    : nothing;
}

export function plainView(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const section = plainSection(state);
  if (section) return html`<div class="caption-view">${oneSection(part, section, ofToken(part, null))}</div>`;
  return state.phase.kind === 'running'
    ? html`<section class="caption-view" aria-label="Caption">
        <h2>Caption</h2>
        <p class="reason">The words appear here as they are written.</p>
      </section>`
    : nothing;
}

export function headsView(part: Part): TemplateResult | typeof nothing {
  const section = headsSection(part.state);
  return section ? html`<div class="vhd-view">${oneSection(part, section, ofHead(part))}</div>` : nothing;
}

export const layersView = (part: Part): TemplateResult | typeof nothing =>
  part.state.result
    ? folded(
        part,
        { name: 'layers', title: 'Layers as a table' },
        () => html`${layersSection(part.state).map((section) => oneSection(part, section))}`,
      )
    : nothing;

/** A second saved result beside the one shown. */
export function comparisonView(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const sections = [...resultChanges(state), ...setChanges(state)];
  if (sections.length === 0) return nothing;
  return folded(
    part,
    { name: 'changes', title: `Changes from ${state.compareWith?.name ?? 'the other result'}`, open: true },
    () =>
      html`<div class="set-sections">
        ${sections.map((section) => oneSection(part, section, section.kind === 'heads' ? ofHead(part) : {}))}
      </div>`,
  );
}
