/** A second saved result beside the one shown. */
import { html, nothing, type TemplateResult } from 'lit';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import { headChangeColumns, headChangeTable } from '../../ui/changes';
import { folded } from '../../ui/panel-page';
import type { Part } from './actions';
import { divergenceChanges, pairOf } from './comparison';
import { oneSection } from './section-list';
import { setChanges } from './set-sections';
import { lacking } from './shown';
import './vhd-grid';
import { changeModel } from './vhd-model';

/** This result minus the other one, head by head. */
function changeMap(
  { state, actions, dark }: Part,
  here: HallucinationResult,
  there: HallucinationResult,
): TemplateResult {
  const model = changeModel({ ...here, step: 0 }, there.vhd, lacking(state));
  return html`<div class="vhd-view change-map">
    <hs-vhd-grid
      .model=${model}
      .selected=${state.selected}
      @select-head=${(event: CustomEvent<HeadPlace>) => actions.select(event.detail)}
    ></hs-vhd-grid>
    ${scaleBar({
      title: 'Change of the VHD',
      low: model.low,
      high: model.high,
      stops: scaleStops(true, dark),
      signed: true,
    })}
  </div>`;
}

export function comparison(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const pair = pairOf(state);
  if (!pair || pair.kind === 'none' || !state.compareWith) return nothing;
  const { name } = state.compareWith;
  return folded(part, { name: 'changes', title: `Changes from ${name}`, open: true }, () =>
    pair.kind === 'sets'
      ? html`${setChanges(state).map((section) => oneSection(part, section))}`
      : html`${changeMap(part, pair.here, pair.there)}
          <p class="reason">Divergence at the first word, outliers kept. Largest changes first.</p>
          ${headChangeTable(
            `Change of the divergence from ${name}`,
            headChangeColumns(name),
            divergenceChanges(pair.here, pair.there),
            state.selected,
            (place) => actions.select(place),
          )}`,
  );
}
