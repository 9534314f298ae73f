/** The strip with the model, the prompt and the options of the run. */
import { html, nothing, type TemplateResult } from 'lit';
import { checkbox, field, textField, segments } from '../../ui/controls';
import { lastName, modelField, whyModelDoesNotRun } from '../../ui/model-field';
import { icon } from '../../ui/icons';
import { bytes, count } from '../../ui/numbers';
import { textArea } from '../../ui/text-area';
import type { Part } from './actions';
import { readForm, type Form } from './form';
import { modelOfForm } from '../../ui/run-state';
import type { State } from './state';
import { typedTokens } from './token-strip';

export function settings(part: Part): TemplateResult {
  const { state, actions } = part;
  const { form } = state;
  if (!form) return html``;
  const model = modelOfForm(state);
  const reading = readForm(form, model);
  const problems = reading.ok ? {} : reading.problems;
  // An empty prompt is no mistake to be shown in red before anything was typed.
  const untouched = form.mode === 'text' ? form.text === '' : form.ids.trim() === '';
  return html`<div class="controls">
    <section aria-label="Model">
      <h2>Model</h2>
      ${modelField({
        models: state.models,
        folder: form.folder,
        onChoose: (folder) => actions.chooseModel(folder),
        onBrowse: () => actions.post({ kind: 'browseModel' }),
      })}
      ${modelFacts(part)}
    </section>
    <section aria-label="Prompt">
      <div class="section-head">
        <h2>Prompt</h2>
        ${segments({
          label: 'Prompt as',
          choices: [
            { value: 'text', label: 'Text' },
            { value: 'ids', label: 'Token ids' },
          ],
          value: form.mode,
          onChange: (mode) => actions.edit(changeMode(form, mode, state)),
        })}
      </div>
      ${
        form.mode === 'text'
          ? textArea({
              label: 'Prompt text',
              id: 'prompt',
              value: form.text,
              rows: 6,
              code: true,
              placeholder: 'Text that the model reads',
              problem: untouched && (model?.tokenizer ?? true) === true ? undefined : problems.prompt,
              onInput: (text) => actions.edit({ text }),
            })
          : textArea({
              label: 'Prompt token ids',
              id: 'prompt',
              value: form.ids,
              rows: 6,
              code: true,
              placeholder: '1 523 88 …',
              problem: untouched ? undefined : problems.prompt,
              onInput: (ids) => actions.edit({ ids }),
            })
      }
      <p class="reason" id="token-count">${tokenCount(state)}</p>
      ${typedTokens(part)}
      ${
        form.mode === 'text' && model?.chatTemplate === true
          ? checkbox({
              label: 'Chat template',
              checked: form.chat,
              hint: 'Put the text into the model’s chat template as one user message.',
              onChange: (chat) => actions.edit({ chat }),
            })
          : nothing
      }
    </section>
    <section aria-label="Options">
      <h2>Options</h2>
      <div class="option">
        ${checkbox({
          label: 'Label the heads',
          checked: form.classify,
          hint: 'Also runs random sequences, for the scores that need them and as null models.',
          onChange: (classify) => actions.edit({ classify }),
        })}
      </div>
      <div class="option">
        ${checkbox({
          label: 'Causal check',
          checked: form.causal && form.classify,
          disabled: !form.classify,
          hint: 'Removes each labelled head, and all heads of a label at once, and measures what the loss becomes on a random sequence and on the prompt: two more runs per label.',
          onChange: (causal) => actions.edit({ causal }),
        })}
      </div>
      <div class="fields seed">
        ${field(
          'Seed',
          textField({
            label: 'Seed',
            value: form.seed,
            numeric: true,
            hint: 'Of the random sequences behind the labels.',
            problem: problems.seed,
            onInput: (seed) => actions.edit({ seed }),
          }),
          'Of the random sequences behind the labels.',
        )}
      </div>
    </section>
  </div>`;
}

/** Ids start from the tokens of the text, so that one of them can be changed. */
function changeMode(form: Form, mode: Form['mode'], { typed }: State): Partial<Form> {
  return mode === 'ids' && form.ids.trim() === '' && typed ? { mode, ids: typed.ids.join(' ') } : { mode };
}

function modelFacts({ state, actions }: Part): TemplateResult {
  const model = modelOfForm(state);
  const folder = state.form?.folder ?? '';
  const why = model ? undefined : whyModelDoesNotRun(folder, state.models, state.modelProblem);
  if (why !== undefined)
    return html`<p class="problem" role="alert">
      ${why}
      <button type="button" class="link" id="open-again" @click=${() => actions.chooseModel(folder)}>Try again</button>
    </p>`;
  if (!model)
    return html`<p class="reason">
      ${state.form?.folder ? 'Reading its files…' : 'A checkpoint folder with config.json and safetensors.'}
    </p>`;
  const windows = model.windows.filter((window) => window !== null).length;
  return html`<p class="reason">
    ${model.family}, ${model.layers} layers x ${model.heads}
    heads${model.kvHeads === model.heads ? '' : ` on ${model.kvHeads} key/value heads`}, ${model.dtypes.join(', ')},
    ${bytes(model.weightBytes)}${windows > 0 ? `, ${windows} layers with a window` : ''}
    ${model.tokenizer === true ? nothing : html`<br />${icon('warning')} ${model.tokenizer}`}
  </p>`;
}

function tokenCount(state: State): TemplateResult {
  const { typed, typedProblem } = state;
  const context = modelOfForm(state)?.contextLength;
  if (typedProblem) return html`<span class="problem">${typedProblem}</span>`;
  if (!typed) return html`${context === undefined ? '' : `Context of ${count(context)} tokens`}`;
  const of = context === undefined ? '' : ` of ${count(context)}`;
  const over = context !== undefined && typed.ids.length > context;
  return html`<span class=${over ? 'problem' : ''}
    >${count(typed.ids.length)}${of}
    tokens${over ? ': longer than the context the model was made for. Shorten the prompt.' : ''}</span
  >`;
}

/** The strip in one line, for when it is folded. */
export function settingsSummary(state: State): string {
  const { form } = state;
  if (!form) return '';
  const text = form.mode === 'text' ? form.text : form.ids;
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return `${lastName(form.folder) || 'no model'} · ${short === '' ? 'no prompt' : `“${short}”`}`;
}
