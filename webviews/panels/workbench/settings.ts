/** The strip: which analysis, which model, what it reads, its parameters, interventions and seed. */
import { html, nothing, type TemplateResult } from 'lit';
import { groupTitles, type AnalysisInfo } from '../../../protocol/analysis/analysis';
import { weightChoices, type WeightChoice } from '../../../protocol/inputs/weights';
import { isCapture } from '../../../protocol/wire/capture-name';
import { button, checkbox, dropdown, field, textField, toolbar } from '../../ui/controls';
import { deviceOf } from '../../ui/device-section';
import { formsOf, lastName, modelField, wholeModel } from '../../ui/model-field';
import { bytes, count, plural } from '../../ui/numbers';
import { pageLink } from '../../ui/panel-page';
import { modelOfForm, whyModelOfFormDoesNotRun } from '../../ui/run-state';
import type { Part } from './actions';
import { explainer } from './explainer';
import type { Form } from './form';
import { inputFields } from './input-fields';
import { readInput } from './input-form';
import { inputWords } from './made-by';
import { kindNames } from '../../../protocol/interventions/interventions';
import { interventionsList } from '../../ui/interventions-list';
import { isOpen } from '../../ui/disclosures';
import { changesOf } from './try/changes';
import { parameterFields } from './parameter-fields';
import { infoOf, readingOf } from './shown';
import type { State } from './state';

export function settings(part: Part): TemplateResult {
  if (!part.state.form) return html``;
  if (part.state.tabs) return request(part);
  return html`<div class="controls">
    ${analysisAndModel(part)} ${inputFields(part)} ${parameterFields(part)} ${interventions(part)} ${outlasting(part)}
  </div>`;
}

/** What stays while questions change. */
const request = (part: Part): TemplateResult =>
  html`<div class="controls">
    ${steps(part)}
    <section aria-label="Model">
      <h2>Model</h2>
      ${model(part)}
    </section>
    ${inputFields(part)}
    ${ofCapture(part) && part.state.form?.interventions.length === 0 ? nothing : interventions(part)}
    ${ofCapture(part) ? nothing : outlasting(part)}
  </div>`;

/** Captured attention is read, and nothing of its model runs: there is no device to choose, and nothing to change. */
const ofCapture = ({ state }: Part): boolean =>
  isCapture(state.form?.folder ?? '') || modelOfForm(state)?.captured === true;

/** The extension runs it in a process of its own. */
const outlasting = ({ state, actions }: Part): TemplateResult | typeof nothing =>
  state.place === 'file'
    ? nothing
    : html`<section aria-label="Run" class="outlasting">
        ${checkbox({
          label: 'Keep running when the window closes',
          checked: state.view.keepRunning,
          describedBy: 'keep-running-words',
          onChange: (checked) => actions.keepRunning(checked),
        })}
        ${
          state.view.keepRunning
            ? html`<p class="reason" id="keep-running-words">
                The next run gets a process of its own. Once it has started you can close the window: its result is here
                when you open the folder again. “headscope jobs” lists it in a terminal.
              </p>`
            : nothing
        }
      </section>`;

const steps = ({ state: { undo }, actions }: Part): TemplateResult =>
  toolbar(
    'Changes of the request',
    html`${button({
      label: 'Undo',
      icon: 'discard',
      appearance: 'icon',
      id: 'undo',
      hint: 'Undo the last change of the request (Ctrl+Z)',
      disabled: undo.past.length === 0,
      onClick: () => actions.undo(),
    })}
    ${button({
      label: 'Redo',
      icon: 'redo',
      appearance: 'icon',
      id: 'redo',
      hint: 'Redo (Ctrl+Y)',
      disabled: undo.future.length === 0,
      onClick: () => actions.redo(),
    })}`,
  );

/** What the strip says while it is closed. */
export function settingsSummary(state: State): string {
  const { form } = state;
  const info = infoOf(state);
  const model = modelOfForm(state)?.name ?? (form?.folder ? lastName(form.folder) : 'no model');
  if (state.tabs && form) return requestSummary(state, form, model);
  const table = info?.parameters ?? {};
  const changed = Object.entries(form?.parameters ?? {}).filter(
    ([name, typed]) => typed !== String(table[name]?.default ?? ''),
  ).length;
  return [
    info?.title ?? 'no analysis',
    ...(info?.trains ? [] : [model]),
    ...(changed > 0 ? [`${changed} ${changed === 1 ? 'parameter' : 'parameters'} set`] : []),
    ...(form && form.interventions.length > 0 && !info?.trains ? [`${form.interventions.length} interventions`] : []),
  ].join(', ');
}

function requestSummary(state: State, form: Form, model: string): string {
  const reading = readInput(form.input, modelOfForm(state), state.tasks);
  return [
    model,
    reading.ok ? inputWords(reading.input) : 'no input yet',
    ...(form.interventions.length > 0
      ? [`${form.interventions.length} ${form.interventions.length === 1 ? 'change' : 'changes'}`]
      : []),
  ].join(', ');
}

function analysisAndModel(part: Part): TemplateResult {
  const { state, actions } = part;
  const info = infoOf(state);
  const known = state.analyses.map((one) => ({
    value: one.id,
    label: `${groupTitles[one.group]}: ${one.title}`,
    hint: one.question,
  }));
  return html`<section aria-label="Analysis and model">
    <h2>Analysis</h2>
    ${dropdown({
      label: 'Analysis',
      choices: info ? known : [{ value: '', label: 'Choose an analysis' }, ...known],
      value: info?.id ?? '',
      onChange: (id) => actions.chooseAnalysis(id),
    })}
    ${info ? source(info, part) : nothing}
    <h2 class="next">Model</h2>
    ${
      info?.trains
        ? html`<p class="reason">None: it trains one of its own on the CPU and writes it to a folder.</p>`
        : model(part)
    }
  </section>`;
}

const model = (part: Part): TemplateResult =>
  html`${modelField({
    models: part.state.models.filter(({ folder }) => wholeModel(folder, part.state.models) === folder),
    folder: wholeModel(part.state.form?.folder ?? '', part.state.models),
    onChoose: (to) => part.actions.chooseModel(to),
    onBrowse: () => part.actions.post({ kind: 'browseModel' }),
  })}
  ${formField(part)} ${modelFacts(part)}
  ${ofCapture(part) ? nothing : html`${adapter(part)} ${deviceOf(part)} ${weights(part)}`}`;

/** Which of the files of the model runs: its safetensors, or a GGUF file beside them. */
function formField({ state: { form, models }, actions }: Part): TemplateResult | typeof nothing {
  const folder = wholeModel(form?.folder ?? '', models);
  const forms = formsOf(folder, models);
  if (forms.length === 0) return nothing;
  const titles = forms.map(({ title }) => title);
  const choices = [
    { value: folder, label: 'safetensors', hint: folder },
    ...forms.map(({ choice: { folder: value, label, mark }, title }) => {
      const name = titles.filter((one) => one === title).length > 1 ? `${title}: ${label}` : title;
      return { value, label: mark === undefined ? name : `${name} (${mark})`, hint: value };
    }),
  ];
  return html`<h2 class="next" title="The files of this model that the next runs read.">Form</h2>
    ${dropdown({ label: 'Form', choices, value: form?.folder ?? '', onChange: (to) => actions.chooseModel(to) })}`;
}

/** What is put on the model in the next runs. */
function adapter({ state: { form, models }, actions }: Part): TemplateResult {
  const { folder = '', adapter: chosen = '' } = form ?? {};
  const found = models.find((one) => one.folder === wholeModel(folder, models))?.adapters ?? [];
  const known = found.map(({ folder: value, label, hint }) => ({ value, label, hint }));
  const isKnown = chosen === '' || known.some(({ value }) => value === chosen);
  const choices = [
    { value: '', label: 'None' },
    ...known,
    ...(isKnown ? [] : [{ value: chosen, label: lastName(chosen), hint: chosen }]),
  ];
  return html`<h2
      class="next"
      title="The folder of a PEFT adapter (LoRA, rsLoRA, DoRA) that the next runs use on the model."
    >
      Adapter
    </h2>
    <div class="with-button">
      ${dropdown({ label: 'Adapter', choices, value: chosen, onChange: (to) => actions.chooseModel(folder, to) })}
      ${button({
        label: 'Browse for the folder of an adapter',
        icon: 'folder-opened',
        appearance: 'icon',
        disabled: folder === '',
        onClick: () => actions.post({ kind: 'browseAdapter' }),
      })}
    </div>
    ${
      chosen === '' && found.length === 0
        ? html`<p class="reason">
            No adapter for this model was found. You can browse for any folder with an adapter_config.json.
          </p>`
        : nothing
    }`;
}

const weightNames: Readonly<Record<WeightChoice, string>> = {
  'as-stored': 'as stored, exact',
  float32: 'float32, exact',
  float16: 'float16 on a GPU',
  q8: '8-bit integers',
  q4: '4-bit integers',
  'int8-activations': 'as stored, activations in 8 bits',
};

/** Choices for float weights only. */
const quantising: readonly WeightChoice[] = ['float16', 'q8', 'q4'];

/** How the next runs hold the weights of the model. */
function weights(part: Part): TemplateResult {
  const { form, devices } = part.state;
  const chosen = form?.weights || devices.weights;
  const names = Object.entries(weightNames) as readonly [WeightChoice, string][];
  return html`<h2
      class="next"
      title="How the next runs hold the weights of the model; the default is headscope.compute.weights."
    >
      Weights
    </h2>
    ${dropdown({
      label: 'Weights',
      choices: names.map(([value, name]) => ({
        value,
        label: value === devices.weights ? `${name} (setting)` : name,
        hint: weightChoices[value],
      })),
      value: chosen,
      onChange: (to) => part.actions.edit({ weights: to === devices.weights ? '' : (to as WeightChoice) }),
    })}
    <p class="reason" id="weights-words">
      ${
        infoOf(part.state)?.exactWeights === true
          ? `${infoOf(part.state)?.title ?? 'This question'} takes exact weights, whatever is chosen here.`
          : modelOfForm(part.state)?.quantised === true && quantising.includes(chosen)
            ? 'The weights of this model are quantised in its files and stay as they are.'
            : weightChoices[chosen]
      }
      <button type="button" class="link" @click=${() => part.actions.post({ kind: 'showPage', page: 'weights' })}>
        How weights are held
      </button>
    </p>`;
}

/** What stands before the note of a source. */
const trustWords = {
  high: '',
  medium: 'Differs from the paper: ',
  low: 'A reading of the paper, which leaves much open: ',
} as const;

export const source = (
  { source: { reference, trust, note }, exactWeights }: AnalysisInfo,
  part: Part,
): TemplateResult =>
  html`<p class="reason" id="source">
    ${reference}${trust === 'high' ? ', as published' : ''}.${note === undefined ? nothing : ` ${trustWords[trust]}${note}`}${
      exactWeights ? ' It takes exact weights, whatever is chosen for models.' : nothing
    }
    ${pageLink(explainer(part))}
  </p>`;

function modelFacts({ state, actions }: Part): TemplateResult {
  const model = modelOfForm(state);
  const folder = state.form?.folder ?? '';
  const why = whyModelOfFormDoesNotRun(state, state.modelProblem);
  if (why !== undefined) {
    return html`<p class="problem" role="alert">
      ${why}
      <button type="button" class="link" @click=${() => actions.chooseModel(folder)}>Try again</button>
    </p>`;
  }
  if (!model) {
    return html`<p class="reason">
      ${folder === '' ? 'A checkpoint folder with config.json and safetensors.' : 'Reading its files…'}
    </p>`;
  }
  if (model.captured) {
    return html`<p class="reason">
      Captured attention, ${plural(model.layers, 'layer')} x ${plural(model.heads, 'head')},
      ${plural(model.contextLength ?? 0, 'token')}. No model is run: the prompt is the captured text.
    </p>`;
  }
  return html`<p class="reason">
    ${model.family}, ${model.layers} layers x ${model.heads} heads, ${count(model.vocabulary)} tokens in the vocabulary,
    ${bytes(model.weightBytes)} of weights
  </p>`;
}

const changesTools = ({ actions }: Part, list: readonly string[]): TemplateResult =>
  toolbar(
    'Changes',
    html`${button({
      label: 'Remove all changes',
      icon: 'close',
      appearance: 'icon',
      disabled: list.length === 0,
      onClick: () => actions.edit({ interventions: [] }),
    })}
    ${button({
      label: 'Save the changes',
      icon: 'save',
      appearance: 'icon',
      hint: 'Save the changes as a file of interventions',
      disabled: changesOf(list).length === 0,
      onClick: () => actions.post({ kind: 'saveIntervention', interventions: changesOf(list) }),
    })}
    ${button({
      label: 'Load changes',
      icon: 'folder-opened',
      appearance: 'icon',
      hint: 'Load changes from a file of interventions',
      onClick: () => actions.post({ kind: 'loadIntervention' }),
    })}`,
  );

function interventions(part: Part): TemplateResult {
  const { state, actions } = part;
  const { form } = state;
  const reading = readingOf(state);
  const problem = reading?.ok === false ? reading.problems.seed : undefined;
  const list = form?.interventions ?? [];
  const trains = state.tabs === undefined && infoOf(state)?.trains === true;
  const words = state.tabs ? 'Changes' : 'Interventions';
  return html`<section aria-label=${trains ? 'Seed' : `${words} and seed`}>
    <div class="section-head">
      <h2>${trains ? 'Seed' : words}</h2>
      ${trains ? nothing : changesTools(part, list)}
    </div>
    ${trains || list.length > 0 ? nothing : html`<p class="reason">None: the model runs as it is.</p>`}
    ${
      trains
        ? nothing
        : interventionsList({
            label: 'Interventions',
            entries: list,
            offered: kindNames,
            onChange: (interventions) => actions.edit({ interventions }),
            onSettled: () => actions.settled(),
            whole: isOpen(state, 'all-interventions', false),
            onWhole: () => actions.toggle('all-interventions', true),
            onChooseVector: () => actions.post({ kind: 'chooseVector' }),
            onApplyPlan: () => actions.post({ kind: 'applyPlan' }),
          })
    }
    <div class="fields seed">
      ${field(
        'Seed',
        textField({
          label: 'Seed',
          value: form?.seed ?? '',
          numeric: true,
          hint: 'Seed of everything that is drawn at random.',
          problem,
          onInput: (seed) => actions.edit({ seed }),
        }),
      )}
    </div>
  </section>`;
}
