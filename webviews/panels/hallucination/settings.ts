/** The strip with the model, what it reads, and how divergence is measured. */
import { html, nothing, type TemplateResult } from 'lit';
import { demoVisionPrompt } from '../../../protocol/inputs/demo-prompt';
import type { HallucinationMode } from '../../../protocol/panels/hallucination-schema';
import type { ModelChoice } from '../../../protocol/panels/run-panel';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { defaultK } from '../../../protocol/results/vhd-defaults';
import { button, segments, textField } from '../../ui/controls';
import { choicesOf, formFields } from '../../ui/form-fields';
import { lastName } from '../../ui/model-field';
import { chatField, modelSection, stripWords } from '../../ui/model-section';
import { bytes, count, plural } from '../../ui/numbers';
import { textArea } from '../../ui/text-area';
import type { Part } from './actions';
import { readForm, readTruth, type Form, type Problems } from './form';
import { offeredPrompt, ownPromptOf } from '../../ui/own-prompt';
import { spanField } from './span-field';
import { modelOfForm } from '../../ui/run-state';
import { setupOf } from './setup';
import { interventionsList } from '../../ui/interventions-list';
import { chatNote } from './notes';
import { readsTextOnly } from './run-setup';
import type { State } from './state';
import { plannedWords } from './sample-words';
import { distanceInfos, outlierInfos, positionInfos } from '../../../protocol/results/measure-words';

const modes: readonly { readonly value: HallucinationMode; readonly label: string }[] = [
  { value: 'image', label: 'A picture' },
  { value: 'set', label: 'A folder' },
  { value: 'span', label: 'Text' },
];

export function settings(part: Part): TemplateResult {
  const { state, actions } = part;
  const { form } = state;
  if (!form) return html``;
  const model = modelOfForm(state);
  const reading = readForm(form, model);
  const problems: Problems = reading.ok ? {} : reading.problems;
  return html`<div class="controls">
    ${modelSection(part, (one) => facts(state, one))}
    <section aria-label="What it reads">
      <div class="section-head">
        <h2 title="The model runs twice, with this and without it: heads whose output changes read it.">Remove</h2>
        ${segments({
          label: 'What is removed',
          choices: modes,
          value: form.mode,
          onChange: (mode) => actions.edit({ mode }),
        })}
      </div>
      ${
        form.mode === 'image'
          ? imageField(part, form)
          : form.mode === 'set'
            ? folderField(part, form, problems)
            : nothing
      }
      <div class="gap">
        ${textArea({
          label: 'Prompt',
          id: 'prompt',
          value: form.prompt,
          rows: 4,
          code: true,
          placeholder:
            form.mode === 'span'
              ? 'Text that the model reads'
              : ((model && ownPromptOf(model, state.models)?.prompt) ?? demoVisionPrompt),
          problem: form.prompt === '' ? undefined : problems.prompt,
          onInput: (prompt) => actions.edit({ prompt, ...(form.mode === 'span' ? { span: null } : {}) }),
        })}
      </div>
      ${
        form.mode === 'set' && state.typedProblem
          ? html`<p class="problem" role="alert">${state.typedProblem}</p>`
          : nothing
      }
      ${chatNote(state)} ${promptOptions(part, form)} ${form.mode === 'span' ? spanField(part, form) : nothing}
      ${form.mode === 'image' ? truthField(part, form) : nothing}
      ${form.mode === 'span' ? nothing : lexiconField(part, form)}
    </section>
    <section aria-label="Measure">
      <h2>Measure</h2>
      <div class="fields">${measureFields(part, form, problems)}</div>
    </section>
    ${form.mode === 'set' ? nothing : held(part, form)}
  </div>`;
}

/** What holds in both passes and while the caption is written. */
const held = ({ actions }: Part, { interventions }: Form): TemplateResult =>
  html`<section aria-label="Cache plan">
    <h2>Cache plan</h2>
    ${interventions.length === 0 ? html`<p class="reason">None: every head reads all of the past.</p>` : nothing}
    ${interventionsList({
      label: 'Cache plan',
      entries: interventions,
      offered: [],
      onChange: (next) => actions.edit({ interventions: next }),
      onApplyPlan: () => actions.post({ kind: 'applyPlan' }),
    })}
  </section>`;

/** The chat template of a model that has one, and its own prompt where another one is typed. */
function promptOptions({ state, actions }: Part, form: Form): TemplateResult {
  const model = modelOfForm(state);
  const offered = form.mode === 'span' ? undefined : offeredPrompt(form, model, state.models);
  const chat = chatField(model, form.chat, '; the template places the picture', (value) =>
    actions.edit({ chat: value, ...(form.mode === 'span' ? { span: null } : {}) }),
  );
  return html`${chat}
  ${
    offered
      ? html`<p class="reason">
          <button
            type="button"
            class="link"
            id="own-prompt"
            title=${offered.chat ? `“${offered.prompt}” in the chat template` : offered.prompt}
            @click=${() => actions.edit(offered)}
          >
            Use the prompt of this family
          </button>
        </p>`
      : nothing
  }`;
}

const definitionOf = (infos: typeof distanceInfos | typeof outlierInfos, chosen: string): string | undefined =>
  infos.find(({ id }) => id === chosen)?.definition;

function measureFields({ actions, state }: Part, form: Form, problems: Problems): TemplateResult {
  const heads = modelOfForm(state)?.heads;
  const k = heads === undefined ? undefined : String(defaultK(heads));
  const ofSet = form.mode === 'set';
  return formFields<Form>({ form, problems, edit: (change) => actions.edit(change) }, [
    {
      kind: 'choice',
      key: 'distance',
      label: 'Distance',
      choices: choicesOf(distanceInfos),
      hint: definitionOf(distanceInfos, form.distance),
    },
    {
      kind: 'choice',
      key: 'outliers',
      label: 'Outliers',
      choices: choicesOf(outlierInfos),
      hint: definitionOf(outlierInfos, form.outliers),
    },
    {
      kind: 'choice',
      key: 'positions',
      label: 'Positions',
      name: 'Positions after the removal',
      choices: choicesOf(positionInfos),
      hint: 'Positions of the text behind what is removed, in the second pass: contiguous closes the gap, original leaves it.',
    },
    {
      kind: 'number',
      key: 'k',
      label: 'Heads (k)',
      hint: `How many heads of each layer T-VHD sums, those of the largest divergence, outliers included; empty: ${k ?? 'an eighth of them'}.`,
      placeholder: k ?? 'auto',
    },
    {
      kind: 'number',
      key: 'maxNewTokens',
      label: 'Most tokens',
      hint: 'The caption is cut after so many tokens; a word takes one or more.',
    },
    ofSet
      ? {
          kind: 'choice',
          key: 'setCaptions',
          label: 'Captions',
          choices: [
            { value: 'plain', label: 'Plain alone' },
            { value: 'reinforced', label: `Plain and reinforced x ${form.alpha}` },
            { value: 'controls', label: 'These and controls', hint: 'Random heads, and the norm kept.' },
          ],
          hint: 'Which captions are made of each picture.',
        }
      : {
          kind: 'number',
          key: 'seed',
          label: 'Seed',
          hint: 'Number from which the random heads of the control are drawn: the same seed draws the same heads.',
        },
  ]);
}

/** A name that was chosen in a dialog, and the button that opens it. */
function chosen(options: {
  readonly id: string;
  readonly path: string;
  readonly none: string;
  readonly label: string;
  readonly icon: 'file-media' | 'folder-opened';
  readonly onBrowse: () => void;
  readonly onClear?: () => void;
}): TemplateResult {
  return html`<div class="chosen" id=${options.id}>
    <span class=${options.path === '' ? 'muted' : ''} title=${options.path || nothing}
      >${options.path === '' ? options.none : lastName(options.path)}</span
    >
    ${
      options.onClear && options.path !== ''
        ? button({ label: 'Without it', icon: 'close', appearance: 'icon', onClick: options.onClear })
        : nothing
    }
    ${button({ label: options.label, icon: options.icon, appearance: 'icon', onClick: options.onBrowse })}
  </div>`;
}

function imageField({ state, actions }: Part, form: Form): TemplateResult {
  const image = state.picture?.image;
  const shown = image && image.path === form.image ? image : undefined;
  const [tile] = shown?.tiles ?? [];
  return html`${chosen({
    id: 'image',
    path: form.image,
    none: 'No picture chosen',
    label: 'Choose a picture',
    icon: 'file-media',
    onBrowse: () => actions.post({ kind: 'browseImage' }),
  })}
  ${
    state.pictureProblem
      ? html`<p class="problem" role="alert">${state.pictureProblem}</p>`
      : shown
        ? html`<p class="reason">
            ${count(shown.width)} x ${count(shown.height)} pixels, ${count(shown.tokens)} image
            tokens${
              tile
                ? shown.tiles.length === 1
                  ? ` (${tile.rows} x ${tile.columns} patches)`
                  : ` in ${shown.tiles.length} tiles`
                : ''
            }
          </p>`
        : nothing
  }`;
}

function folderField({ state, actions }: Part, form: Form, problems: Problems): TemplateResult {
  const plan = setupOf(state);
  const found = state.imageFolder?.folder === form.images ? state.imageFolder : undefined;
  return html`${chosen({
      id: 'images',
      path: form.images,
      none: 'No folder chosen',
      label: 'Choose a folder of pictures',
      icon: 'folder-opened',
      onBrowse: () => actions.post({ kind: 'browseImages' }),
    })}
    <p class="reason">
      ${
        found
          ? `${plural(found.images, 'picture')} with a truth.${found.note ? ` ${found.note}` : ''}`
          : 'Pictures and a truth.json beside them: {"a.png": ["dog", "ball"]}.'
      }
    </p>
    <div class="fields gap">
      ${formFields<Form>({ form, problems, edit: (change) => actions.edit(change) }, [
        {
          kind: 'text',
          key: 'mostImages',
          label: 'Pictures',
          hint: 'How many pictures are captioned: a number, drawn from the folder by the seed, or all.',
          more: 'So many are drawn from the folder by the seed; all takes every one.',
          placeholder: 'all',
        },
        {
          kind: 'number',
          key: 'seed',
          label: 'Seed',
          hint: 'Number from which the pictures and the random heads of the control are drawn.',
          more: 'The same seed draws the same pictures, and the same random heads of the control.',
        },
      ])}
    </div>
    ${
      plan && found && found.images > 0
        ? html`<p class="reason" id="planned-pictures">
            ${plannedWords(plan, found.images, state.folderTime?.value)}${
              state.folderTime && !state.folderTime.value && !state.folderTime.problem ? ' Timing one picture…' : ''
            }
          </p>`
        : nothing
    }`;
}

function truthField({ actions }: Part, form: Form): TemplateResult {
  const truth = readTruth(form.truth);
  return html`<label class="labelled gap"
      ><span title="Objects that are in the picture, separated by commas">Objects</span> ${textField({
        label: 'Objects in the picture',
        value: form.truth,
        hint: 'Separated by commas. Empty: object words are marked, not judged.',
        placeholder: 'dog, ball',
        onInput: (text) => actions.edit({ truth: text }),
      })}</label
    >
    ${truth === null ? html`<p class="reason">Empty: object words are marked, not judged.</p>` : nothing}`;
}

const lexiconField = ({ actions }: Part, form: Form): TemplateResult =>
  html`<div class="labelled gap">
    <span title="Words that name an object: one class a line with its synonyms, or JSON">Lexicon</span>
    ${chosen({
      id: 'lexicon',
      path: form.lexicon,
      none: 'COCO, 80 classes',
      label: 'Choose a lexicon',
      icon: 'folder-opened',
      onBrowse: () => actions.post({ kind: 'browseLexicon' }),
      onClear: () => actions.edit({ lexicon: '' }),
    })}
  </div>`;

function facts(state: State, model: ModelSummary): TemplateResult {
  const choice = state.models.find(({ folder }) => folder === state.form?.folder);
  const vision = model.vision
    ? `sees through ${model.vision.family} (${model.vision.layers} x ${model.vision.heads} heads, ${model.vision.imageSize} pixels)`
    : 'reads text alone';
  return html`<p class="reason ${readsTextOnly(state) && state.form?.mode !== 'span' ? 'warning' : ''}">
    ${familyWords(model, choice)}, ${model.layers} layers x ${model.heads} heads, ${bytes(model.weightBytes)}; ${vision}
  </p>`;
}

/** The summary names the language model, whose heads are shown; the list of models names the whole: `llava on llama`. */
const familyWords = ({ family }: ModelSummary, choice: ModelChoice | undefined): string =>
  choice && choice.family !== '' && choice.family !== family ? `${choice.family} on ${family}` : family;

/** The strip in one line, for when it is folded. */
export function settingsSummary({ form }: State): string {
  const subject =
    form?.mode === 'image'
      ? lastName(form.image) || 'no picture'
      : form?.mode === 'set'
        ? lastName(form.images) || 'no folder'
        : 'text';
  return stripWords(form, subject);
}
