/** Before and after: the plain caption and the reinforced ones side by side, with controls and what must stand beside CHAIR. */
import { html, nothing, type TemplateResult } from 'lit';
import { defaultLayers, defaultLayersWords } from '../../../protocol/results/vhd-defaults';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { OutlierRule, ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import { button, dropdown, textField } from '../../ui/controls';
import { choicesOf } from '../../ui/form-fields';
import { icon } from '../../ui/icons';
import { slider } from '../../ui/text-area';
import type { Part } from './actions';
import { readLayers, writeLayers } from '../../ui/layers';
import { readForm, type Form } from './form';
import { known } from './known';
import { ofToken } from './divergence-view';
import { referencesNote } from './notes';
import { makingSection, scoreSections, variantSections } from './result-sections';
import { oneSection } from './section-list';
import { modelOfForm } from '../../ui/run-state';
import { shapeOf, type State } from './state';
import { variantName, writeAlpha } from './variant-words';
import { outlierInfos } from '../../../protocol/results/measure-words';

/** Alpha beyond this breaks the text of the models that were measured so far. */
const mostAlpha = 4;

export function captions(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const { result } = state;
  if (!result) return nothing;
  const making = makingSection(state);
  return html`<section class="captions" aria-label="Before and after">
    <div class="section-head"><h2>Before and after</h2></div>
    ${state.place === 'file' ? nothing : controls(part)} ${result.variants.length === 0 ? known(part) : nothing}
    <div class="caption-cards">
      ${variantSections(state).map(
        (section, at) => html`<div data-variant=${at}>${oneSection(part, section, ofToken(part, at))}</div>`,
      )}
      ${state.making ? html`<div class="caption-card">${beingMade(part, making)}</div>` : nothing}
    </div>
    ${scoreSections(state).map((section) => oneSection(part, section))} ${referencesNote(result)}
  </section>`;
}

function beingMade(part: Part, section: TokensSection | undefined): TemplateResult {
  const { making } = part.state;
  if (section && making?.problem === undefined) return oneSection(part, section);
  return html`<h3><strong>${making?.name}</strong></h3>
    <p class="problem" role="alert">${making?.problem}</p>`;
}

function controls({ state, actions }: Part): TemplateResult | typeof nothing {
  const { form, result } = state;
  if (!form || !result) return nothing;
  const automatic = writeLayers(defaultLayers(shapeOf(state).layers));
  const reading = readForm(form, modelOfForm(state));
  const problem = reading.ok ? undefined : reading.problems.layers;
  const busy = state.phase.kind === 'running' || (state.making !== undefined && state.making.problem === undefined);
  const disabled = busy || state.canRun !== true || problem !== undefined;
  const make = (change: Partial<ReinforcementRequest>): void => {
    const request = requestOf(form, change);
    actions.reinforce(variantName(request), request);
  };
  return html`<div class="reinforcement" role="group" aria-label="Reinforcement">
      <div class="alpha-line">
        <span
          title="The output of each selected head is multiplied by this before the output projection, in all positions; 1 changes nothing."
          >Alpha</span
        >
        ${slider({
          label: 'alpha, gain of the selected heads',
          id: 'alpha',
          value: form.alpha,
          min: 0,
          max: mostAlpha,
          step: 0.1,
          valueText: writeAlpha(form.alpha),
          hint: '0 to 4; 1 changes nothing, the paper takes 2',
          onInput: (value) => actions.edit({ alpha: Math.round(value * 10) / 10 }),
        })}
        <output class="gain-value" for="alpha">${form.alpha.toFixed(1)}</output>
      </div>
      <label class="labelled"
        ><span title="Layers whose heads are reinforced">Layers</span> ${textField({
          label: 'Layers to reinforce',
          value: form.layers,
          placeholder: automatic,
          hint: `Empty: ${automatic}, ${defaultLayersWords}`,
          problem,
          onInput: (text) => actions.edit({ layers: text }),
        })}</label
      >
      <label class="labelled"
        ><span title="Which heads are left out as bursts">Outliers</span> ${dropdown({
          label: 'Outlier rule of the reinforcement',
          choices: choicesOf(outlierInfos),
          value: form.reinforcedOutliers ?? form.outliers,
          onChange: (rule) => actions.edit({ reinforcedOutliers: rule as OutlierRule }),
        })}</label
      >
      <div class="buttons">
        ${button({
          label: 'Reinforce',
          icon: 'play',
          appearance: 'primary',
          id: 'reinforce',
          disabled,
          hint:
            disabled && state.canRun !== true ? state.canRun : 'Write the caption again with the selected heads scaled',
          onClick: () => make({}),
        })}
        ${button({
          label: 'Random heads',
          id: 'control-random',
          disabled,
          hint: 'Control: as many heads of each layer, drawn at random',
          onClick: () => make({ heads: 'random' }),
        })}
        ${button({
          label: 'Norm kept',
          id: 'control-norm',
          disabled,
          hint: 'Control: the selected heads scaled, then the attention output scaled back to its plain norm: only its direction changes',
          onClick: () => make({ normMatched: true }),
        })}
        ${button({
          label: 'Norm alone',
          id: 'control-all',
          disabled,
          hint: 'Control: all heads by one factor that gives the same norm: only the norm changes',
          onClick: () => make({ heads: 'all' }),
        })}
      </div>
    </div>
    ${
      form.alpha > 2.5
        ? html`<p class="reason warning">
            ${icon('warning')} A large alpha breaks the text: CHAIR then falls because little is said. Look at the
            length and the recall.
          </p>`
        : nothing
    }`;
}

function requestOf(form: Form, change: Partial<ReinforcementRequest> = {}): ReinforcementRequest {
  const layers = readLayers(form.layers);
  return {
    alpha: form.alpha,
    outliers: form.reinforcedOutliers ?? form.outliers,
    heads: 'selected',
    normMatched: false,
    executor: 'in-graph',
    seed: Number(form.seed) || 0,
    ...(Array.isArray(layers) ? { layers: layers as readonly number[] } : {}),
    ...change,
  };
}

/** What reinforcement did to the objects, in half a sentence; undefined without a reinforced caption that was judged. */
export function effectWords({ result }: State): string | undefined {
  const plain = result?.caption.score;
  const reinforced = result?.variants.findLast(
    ({ reinforcement }) => reinforcement?.heads === 'selected' && !reinforcement.normMatched,
  );
  if (!plain || !reinforced?.score || !reinforced.reinforcement) return undefined;
  const now = reinforced.score.hallucinated;
  // Whether that is more than chance needs many pictures.
  const name = `Reinforced by ${writeAlpha(reinforced.reinforcement.alpha)}, on this picture alone,`;
  const shorter =
    reinforced.score.length < plain.length / 2
      ? `, but in ${reinforced.score.length} words instead of ${plain.length}`
      : '';
  const said =
    now === plain.hallucinated
      ? `${name} it names ${now === 0 ? 'no object that is not there either' : `as many objects that are not there (${now})`}${shorter}`
      : `${name} it names ${now === 0 ? 'none' : now} of them instead of ${plain.hallucinated}${shorter}`.replace(
          'of them instead of 0',
          'objects that are not there instead of none',
        );
  return `${said}.`;
}
