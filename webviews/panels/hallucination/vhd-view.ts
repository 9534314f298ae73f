/** The map of divergences with its key. */
import { html, nothing, type TemplateResult } from 'lit';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import type { HeadPlace } from '../../ui/head-names';
import { count } from '../../ui/numbers';
import type { Part } from './actions';
import { defaultLayers, readLayers } from './form';
import { lookingHeads } from './head-ranks';
import { stepOf } from './shown';
import type { State } from './state';
import './vhd-grid';
import { distanceInfos, vhdModel, type VhdModel } from './vhd-model';

/** k of T-VHD where the result does not say: max(1, round(heads / 8)). */
const kOf = (state: State, heads: number): number =>
  state.result?.k ?? (Number(state.form?.k) || Math.max(1, Math.round(heads / 8)));

export function layersToReinforce(state: State, layers: number): readonly number[] {
  const typed = readLayers(state.form?.layers ?? '', layers);
  return Array.isArray(typed) ? (typed as readonly number[]) : defaultLayers(layers);
}

const selectedHeads = ({ step }: VhdModel): number => step.selected.flat().filter(Boolean).length;

let last: { readonly made: readonly unknown[]; readonly model: VhdModel } | undefined;

/** Made anew only when something it shows has changed. */
export function modelOfStep(state: State): VhdModel | undefined {
  const step = stepOf(state);
  if (!step) return undefined;
  const made = [state.result, state.firstStep, state.step?.value, state.token, state.form?.layers, state.form?.k];
  if (last && made.every((value, at) => value === last?.made[at])) return last.model;
  const model = vhdModel(step, kOf(state, step.vhd[0]?.length ?? 1), layersToReinforce(state, step.vhd.length));
  last = { made, model };
  return model;
}

export function vhdView(part: Part): TemplateResult | typeof nothing {
  const { state, actions, dark, compact } = part;
  const model = modelOfStep(state);
  if (!model) return nothing;
  const { step, token } = state;
  const ofText = (state.result?.removed.kind ?? (state.shownPlan?.mode === 'span' ? 'span' : 'image')) === 'span';
  const behind = token.variant === null && token.step !== model.step.step;
  const distance = distanceInfos.find(({ id }) => id === (state.result?.distance ?? state.form?.distance));
  return html`<section class="vhd-view" aria-label="Divergence by layer and head">
    <div class="section-head">
      <h2 title=${distance?.definition ?? nothing}>
        ${ofText ? 'Context-aware divergence' : 'Vision-aware divergence'}
        <span class="muted"
          >${model.step.step === 0 ? 'at the first word' : `at token ${count(model.step.step + 1)}`}${
            behind ? (step?.problem ? '' : ', reading the chosen word…') : ''
          }</span
        >
      </h2>
    </div>
    <hs-vhd-grid
      .model=${model}
      .selected=${state.selected}
      @select-head=${(event: CustomEvent<HeadPlace>) => actions.select(event.detail)}
    ></hs-vhd-grid>
    <div class="grid-key">
      ${scaleBar({
        title: `VHD${distance ? `, ${distance.title.replace(/ \(.*/, '').toLowerCase()}` : ''}`,
        low: model.low,
        high: model.high,
        stops: scaleStops(false, dark),
        logarithmic: true,
      })}
      <p class="reason">
        Outlined: selected for reinforcement, above the median of its layer (${count(selectedHeads(model))} of
        ${count(model.layers * model.heads)}).
        ${model.step.step === 0 ? `Counted in the finding: at least half of the largest VHD (${count(lookingHeads(model.step))}). ` : ''}Hatched:
        outlier, left out.${compact ? '' : ' Bar at the layer: reinforced.'}
      </p>
      ${behind && step?.problem ? html`<p class="problem">${step.problem}</p>` : nothing}
    </div>
  </section>`;
}
