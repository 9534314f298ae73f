/** The first line of the panel: what was found, in one or two sentences; the second: what was run. */
import { interventionWords } from '../../../protocol/interventions/do-form';
import type { HeadLabel } from '../../../protocol/results/heads';
import type { CausalChange, HeadsResult, HeadClass } from '../../../protocol/results/heads-schema';
import { count, significant, took } from '../../ui/numbers';
import { labelInfo, labelsByHead, nullWords } from './labels';
import { headKey, headName } from '../../ui/head-names';
import { layersDone } from './shown';
import { shapeOf, type State } from './state';
import { statisticInfos, valueOf } from './statistics';

export function finding(state: State): string {
  const { phase, result } = state;
  if (!result) {
    if (phase.kind === 'running') {
      const { layers } = shapeOf(state);
      const done = layersDone(state);
      return done > 0 && done < layers
        ? `Reading the heads: ${done} of ${layers} layers are there.`
        : 'Reading what each head looks at.';
    }
    return 'What does each head of a model look at?';
  }
  const labels = labelsByHead(result.classes);
  const all = result.layers * result.heads;
  const on = `on ${count(result.ids.length)} tokens`;
  const first =
    result.settings['classify'] === false
      ? `${count(all)} heads were measured ${on}, without labels.`
      : `${count(labels.size)} of ${count(all)} heads ${labels.size === 1 ? 'has' : 'have'} a label ${on}`;
  const about = ofSelected(state, labels);
  return result.settings['classify'] === false
    ? `${first} ${about}`
    : about === ''
      ? `${first}.`
      : `${first}; ${about}`;
}

function ofSelected(state: State, labels: ReadonlyMap<string, readonly HeadClass[]>): string {
  const { selected, result } = state;
  if (!selected || !result) return '';
  const { layer, head } = selected;
  const name = headName(layer, head);
  const [first, ...others] = labels.get(headKey(layer, head)) ?? [];
  if (first) {
    const causal = first.causal ? causalWords(result, first.label, first.causal) : '';
    const also =
      others.length > 0
        ? ` It is also labelled ${others.map(({ label }) => labelInfo(label).title).join(' and ')}.`
        : '';
    return `${name} is ${article(labelInfo(first.label).title)} head (${significant(first.score, 2)}; null ${nullWords(first.null)})${causal}.${also}`;
  }
  // The mass that stands out most says most about a head without a label.
  const strongest = statisticInfos
    .filter(({ unit, id }) => unit === undefined && id !== 'localWindow')
    .map((info) => ({ info, value: valueOf(result.statistics, info.id, layer, head) }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => b.value - a.value)[0];
  const label = result.settings['classify'] === false ? '' : ' has no label: it';
  return strongest
    ? `${name}${label} has a ${strongest.info.words} of ${significant(strongest.value, 2)}.`
    : `${name} has no label.`;
}

/** What the loss becomes without the head and, where others have its label, without all of them. */
function causalWords({ classAblations, interventions }: HeadsResult, label: HeadLabel, alone: CausalChange): string {
  if (alone.alreadyOff) {
    const replaced = interventions.some(({ kind }) => kind === 'head' || kind === 'freeze');
    return `; it is already off: its gain is 0${replaced ? ' or its output is replaced' : ''}`;
  }
  const all = classAblations?.find((one) => one.label === label && one.heads > 1);
  const places = [
    { where: 'a repeated random sequence', of: ({ lossChange }: CausalChange) => lossChange },
    { where: 'the prompt', of: ({ promptLossChange }: CausalChange) => promptLossChange },
  ].filter(({ of }) => Number.isFinite(of(alone)));
  if (places.length === 0) return '';
  const changes = (one: CausalChange): string[] =>
    places.map(({ of }) => {
      const change = of(one) ?? Number.NaN;
      return `${change < 0 ? '−' : '+'}${significant(Math.abs(change), 2)}`;
    });
  const [first, ...others] = changes(alone).map(
    (change, at) => `${change}${at === 0 ? ' nats a token' : ''} on ${places[at]?.where}`,
  );
  const joint = all
    ? `, without all ${all.heads} ${labelInfo(label).title} heads${all.alreadyOff ? ` (${all.alreadyOff} already off)` : ''} by ${changes(all).join(' and ')}`
    : '';
  return `; ${interventions.length > 0 ? 'on top of the interventions, ' : ''}without it the loss changes by ${[first, ...others].join(' and ')}${joint}`;
}

const article = (words: string): string =>
  `${/^[aeiou]/.test(words) && !words.startsWith('uni') ? 'an' : 'a'} ${words}`;

export function circumstances(state: State): string {
  const { result } = state;
  if (!result) {
    return 'A prompt runs through the model on this machine; each head is drawn as what its queries read, and labelled only where it stands out from a null model and from the other heads.';
  }
  const { model } = result;
  const share = model.kvHeads === model.heads ? '' : ` (${model.kvHeads} key/value)`;
  return [
    model.name,
    `${model.layers} layers x ${model.heads} heads${share}, width ${model.headDim}`,
    ...(result.interventions.length > 0 ? [changesWords(result)] : []),
    `${result.device.name}`,
    took(result.seconds),
  ].join(' · ');
}

/** What was changed in the run, behind "with". */
export const changesWords = ({ interventions }: HeadsResult): string =>
  `${interventions.every(({ kind }) => kind === 'gain') ? 'gains' : 'interventions'} ${interventionWords(interventions)}`;
