/** The map of divergences with its key. */
import { html, nothing, type TemplateResult } from 'lit';
import { defaultK, defaultLayers } from '../../../protocol/results/vhd-defaults';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import { segments } from '../../ui/controls';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { count } from '../../ui/numbers';
import type { Part } from './actions';
import { readLayers } from './form';
import { lookingHeads } from './head-ranks';
import { layerTable } from './layer-table';
import { lacking, stepOf } from './shown';
import type { State } from './state';
import type { Measure } from './view';
import './vhd-grid';
import { distanceInfos, vhdModel, type VhdModel } from './vhd-model';

/** k of T-VHD where the result does not say. */
const kOf = (state: State, heads: number): number => state.result?.k ?? (Number(state.form?.k) || defaultK(heads));

function layersToReinforce(state: State, layers: number): readonly number[] {
  const typed = readLayers(state.form?.layers ?? '', layers);
  return Array.isArray(typed) ? (typed as readonly number[]) : defaultLayers(layers);
}

const attentionHint =
  'Visual attention ratio: share of the attention of the query that makes the word, on the tokens of the picture or of the part removed. Looking is not reading: a head may look and change nothing.';

const selectedHeads = ({ step }: VhdModel): number => step.selected.flat().filter(Boolean).length;

let last: { readonly made: readonly unknown[]; readonly model: VhdModel } | undefined;

/** Made anew only when something it shows has changed. */
export function modelOfStep(state: State): VhdModel | undefined {
  const step = stepOf(state);
  if (!step) return undefined;
  const made = [
    state.result,
    state.firstStep,
    state.step?.value,
    state.token,
    state.form?.layers,
    state.form?.k,
    state.view.measure,
  ];
  if (last && made.every((value, at) => value === last?.made[at])) return last.model;
  const model = vhdModel(step, {
    k: kOf(state, step.vhd[0]?.length ?? 1),
    reinforced: layersToReinforce(state, step.vhd.length),
    lacks: lacking(state),
    measure: state.view.measure,
  });
  last = { made, model };
  return model;
}

export function vhdView(part: Part): TemplateResult | typeof nothing {
  const { state, actions, dark, compact } = part;
  const model = modelOfStep(state);
  if (!model) return nothing;
  const { step, token } = state;
  const ofText = (state.result?.removed.kind ?? (state.shownSetup?.mode === 'span' ? 'span' : 'image')) === 'span';
  const behind = token.variant === null && token.step !== model.step.step;
  const distance = distanceInfos.find(({ id }) => id === (state.result?.distance ?? state.form?.distance));
  return html`<section class="vhd-view" aria-label="Divergence by layer and head">
    <div class="section-head">
      <h2 title=${model.measure === 'attention' ? attentionHint : (distance?.definition ?? nothing)}>
        ${model.measure === 'attention' ? `Attention on ${model.lacks}` : ofText ? 'Context-aware divergence' : 'Vision-aware divergence'}
        <span class="muted"
          >${
            behind && !step?.problem
              ? `token ${count(token.step + 1)}…`
              : model.step.step === 0
                ? 'at the first word'
                : `at token ${count(model.step.step + 1)}`
          }</span
        >
      </h2>
      ${
        model.step.visualAttention
          ? segments<Measure>({
              label: 'Heads by',
              choices: [
                { value: 'divergence', label: 'Divergence' },
                { value: 'attention', label: 'Attention' },
              ],
              value: model.measure === 'attention' ? 'attention' : 'divergence',
              onChange: (measure) => actions.view({ measure }),
            })
          : nothing
      }
    </div>
    <hs-vhd-grid
      .model=${model}
      .selected=${state.selected}
      @select-head=${(event: CustomEvent<HeadPlace>) => actions.select(event.detail)}
    ></hs-vhd-grid>
    <div class="grid-key">
      ${scaleBar({
        ...(model.measure === 'attention'
          ? { title: 'Share of the attention', unit: '%', low: 100 * model.low, high: 100 * model.high }
          : {
              title: `VHD${distance ? `, ${distance.title.replace(/ \(.*/, '').toLowerCase()}` : ''}`,
              low: model.low,
              high: model.high,
            }),
        stops: scaleStops(false, dark),
        logarithmic: model.logarithmic,
      })}
      <p class="reason">
        Outlined: selected for reinforcement, VHD above the median of its layer (${count(selectedHeads(model))} of
        ${count(model.layers * model.heads)}).
        ${
          model.step.step === 0
            ? `Counted in the finding: at least half of the largest VHD (${count(lookingHeads(model.step))}).`
            : 'The finding counts heads by their VHD at the first word alone.'
        }
        Hatched: outlier, left out.${compact ? '' : ' Bar at the layer: reinforced.'}
      </p>
      ${behind && step?.problem ? html`<p class="problem">${step.problem}</p>` : nothing}
    </div>
    ${layerTable(part, model)}
  </section>`;
}
