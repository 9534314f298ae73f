/** The action beside a caption: the same caption once more with scaled heads, or with a control of that. */
import { html, nothing, type TemplateResult } from 'lit';
import {
  outlierRules,
  type OutlierRule,
  type Reinforcement,
  type ReinforcementRequest,
} from '../../../../protocol/interventions/reinforcement';
import { outlierInfos } from '../../../../protocol/results/measure-words';
import { defaultLayers, defaultLayersWords } from '../../../../protocol/results/vhd-defaults';
import type { TokensSection } from '../../../../protocol/sections/tokens';
import { button, dropdown, textField } from '../../../ui/controls';
import { choicesOf } from '../../../ui/form-fields';
import { icon } from '../../../ui/icons';
import { readLayers, writeLayers } from '../../../ui/layers';
import { slider } from '../../../ui/text-area';
import type { Part } from '../actions';
import type { State } from '../state';
import type { Reinforcing } from '../reinforcing';

/** Alpha beyond this breaks the text of the models that were measured so far. */
const mostAlpha = 4;
const breaking = 2.5;

/** The rule by which the result on the screen left heads out. */
function ruleOf({ result }: State): OutlierRule {
  const { outliers } = result?.result ?? {};
  return outlierRules.find((rule) => rule === outliers) ?? 'paper';
}

export function reinforcement(part: Part, section: TokensSection): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const { result, view, answers } = state;
  if (!result || state.place === 'file') return nothing;
  const { alpha, layers, outliers = ruleOf(state) } = view.reinforcing;
  const automatic = writeLayers(defaultLayers(result.model.layers));
  const read = readLayers(layers, result.model.layers);
  const problem = typeof read === 'string' ? read : undefined;
  const busy = answers.some(({ question, problem: why }) => question.place.kind === 'variant' && why === undefined);
  const why = state.canRun === true ? undefined : state.canRun;
  const disabled = busy || why !== undefined || state.asides.waiting !== undefined || problem !== undefined;
  const arrange = (change: Partial<Reinforcing>): void =>
    actions.view({ reinforcing: { ...view.reinforcing, ...change } });
  const make = (change: Partial<ReinforcementRequest>): void =>
    actions.askSection({
      section: section.id,
      place: {
        kind: 'variant',
        reinforcement: {
          ...{ alpha, outliers, heads: 'selected', normMatched: false, executor: 'in-graph', seed: result.seed },
          ...(Array.isArray(read) ? { layers: read as readonly number[] } : {}),
          ...change,
        },
      },
    });
  return html`<div class="reinforcement" role="group" aria-label="Reinforcement">
    <div class="alpha-line">
      <span
        title="The output of each selected head is multiplied by this before the output projection, in all positions; 1 changes nothing."
        >Alpha</span
      >
      ${slider({
        label: 'alpha, gain of the selected heads',
        id: 'alpha',
        value: alpha,
        min: 0,
        max: mostAlpha,
        step: 0.1,
        valueText: String(alpha),
        hint: '0 to 4; 1 changes nothing, the paper takes 2',
        onInput: (value) => arrange({ alpha: Math.round(value * 10) / 10 }),
      })}
      <output class="alpha-value" for="alpha">${alpha.toFixed(1)}</output>
    </div>
    <label class="labelled"
      ><span title="Layers whose heads are reinforced">Layers</span> ${textField({
        label: 'Layers to reinforce',
        value: layers,
        placeholder: automatic,
        hint: `Empty: ${automatic}, ${defaultLayersWords}`,
        problem,
        onInput: (text) => arrange({ layers: text }),
      })}</label
    >
    <label class="labelled"
      ><span title="Which heads are left out as bursts">Outliers</span> ${dropdown({
        label: 'Outlier rule of the reinforcement',
        choices: choicesOf(outlierInfos),
        value: outliers,
        onChange: (rule) => arrange({ outliers: rule as OutlierRule }),
      })}</label
    >
    <div class="buttons">
      ${actionsOf.map(({ id, label, hint, change, primary }) =>
        button({
          label,
          id,
          disabled,
          hint: why ?? hint,
          ...(primary ? { icon: 'play', appearance: 'primary' } : {}),
          onClick: () => make(change),
        }),
      )}
    </div>
    ${
      alpha > breaking
        ? html`<p class="reason warning">
            ${icon('warning')} A large alpha breaks the text: CHAIR then falls because little is said. Look at the
            length and the recall.
          </p>`
        : nothing
    }
  </div>`;
}

interface Action {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly change: Partial<Pick<Reinforcement, 'heads' | 'normMatched'>>;
  readonly primary?: true;
}

const actionsOf: readonly Action[] = [
  {
    id: 'reinforce',
    label: 'Reinforce',
    hint: 'Write the caption again with the selected heads scaled',
    change: {},
    primary: true,
  },
  {
    id: 'control-random',
    label: 'Random heads',
    hint: 'Control: as many heads of each layer, drawn at random',
    change: { heads: 'random' },
  },
  {
    id: 'control-norm',
    label: 'Norm kept',
    hint: 'Control: the selected heads scaled, then the attention output scaled back to its plain norm: only its direction changes',
    change: { normMatched: true },
  },
  {
    id: 'control-all',
    label: 'Norm alone',
    hint: 'Control: all heads by one factor that gives the same norm: only the norm changes',
    change: { heads: 'all' },
  },
];
