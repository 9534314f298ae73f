/** The strip with the model, the prompt and the options of the run. */
import { html, nothing, type TemplateResult } from 'lit';
import { interventionWords, printDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { checkbox, segments } from '../../ui/controls';
import { formFields } from '../../ui/form-fields';
import { icon } from '../../ui/icons';
import { chatField, modelSection, stripWords } from '../../ui/model-section';
import { bytes, count } from '../../ui/numbers';
import { textArea } from '../../ui/text-area';
import type { Part } from './actions';
import { interventionsOf, readForm, type Form } from './form';
import { modelOfForm } from '../../ui/run-state';
import type { State } from './state';
import { typedTokens } from './attention';

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
    ${modelSection(part, facts, state.modelProblem)}
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
      ${textArea({
        ...(form.mode === 'text'
          ? {
              label: 'Prompt text',
              value: form.text,
              placeholder: 'Text that the model reads',
              problem: untouched && (model?.tokenizer ?? true) === true ? undefined : problems.prompt,
            }
          : {
              label: 'Prompt token ids',
              value: form.ids,
              placeholder: '1 523 88 …',
              problem: untouched ? undefined : problems.prompt,
            }),
        id: 'prompt',
        rows: 6,
        code: true,
        onInput: (text) => actions.edit({ [form.mode]: text }),
      })}
      <p class="reason" id="token-count">${tokenCount(state)}</p>
      ${typedTokens(part)}
      ${form.mode === 'text' ? chatField(model, form.chat, '', (chat) => actions.edit({ chat })) : nothing}
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
        ${formFields({ form, problems, edit: (change) => actions.edit(change) }, [
          { kind: 'number', key: 'seed', label: 'Seed', hint: 'Seed of the random sequences behind the labels.' },
        ])}
      </div>
    </section>
    ${interventions(part)}
  </div>`;
}

/** What a plan brings along (a file, an offer of an analysis) stands here before there is a result under which it is edited. */
function interventions({ state: { form }, actions }: Part): TemplateResult | typeof nothing {
  const set = form ? interventionsOf(form) : [];
  if (set.length === 0) return nothing;
  return html`<section aria-label="Interventions">
    <h2>Interventions</h2>
    <p class="reason" id="interventions-set">
      ${set.slice(0, mostWritten).map(written).join(', ')}${set.length > mostWritten ? ` and ${set.length - mostWritten} more` : ''}.
      <button type="button" class="link" @click=${() => actions.edit({ gains: [], others: [] })}>Remove all</button>
    </p>
  </section>`;
}

/** Interventions that are written out. */
const mostWritten = 8;

/** In words where the form is long, such as that of a plan. */
function written(one: Intervention): string {
  const form = printDo(one);
  return form.length > longestWritten ? interventionWords([one]) : form;
}

const longestWritten = 60;

/** Ids start from the tokens of the text, so that one of them can be changed. */
function changeMode(form: Form, mode: Form['mode'], { typed }: State): Partial<Form> {
  return mode === 'ids' && form.ids.trim() === '' && typed ? { mode, ids: typed.ids.join(' ') } : { mode };
}

function facts(model: ModelSummary): TemplateResult {
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
export function settingsSummary({ form }: State): string {
  const text = (form?.mode === 'text' ? form.text : form?.ids) ?? '';
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return stripWords(form, short === '' ? 'no prompt' : `“${short}”`);
}
