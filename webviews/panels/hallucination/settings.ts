/** The strip with the model, what it reads, and how divergence is measured. */
import { html, nothing, type TemplateResult } from 'lit';
import { demoVisionPrompt } from '../../../protocol/compute/demo-prompt';
import type { HallucinationMode, SetCaptions } from '../../../protocol/panels/hallucination';
import type { ModelChoice } from '../../../protocol/panels/heads';
import type { ModelSummary } from '../../../protocol/results/heads';
import type { RemovedPositions, VhdDistance, OutlierRule } from '../../../protocol/results/hallucination';
import { button, checkbox, dropdown, field, segments, textField } from '../../ui/controls';
import { lastName, modelField } from '../../ui/model-field';
import { bytes, count } from '../../ui/numbers';
import { textArea } from '../../ui/text-area';
import type { Part } from './actions';
import { readForm, readTruth, type Form, type Problems } from './form';
import { offeredPrompt, ownPromptOf } from './own-prompt';
import { spanField } from './span-field';
import { modelOfForm } from '../../ui/run-state';
import { planOf } from './plan';
import { chatNote } from './notes';
import { readsTextOnly } from './run-plan';
import type { State } from './state';
import { plannedWords } from './sample-words';
import { distanceInfos, outlierInfos } from './vhd-model';
import { plural } from './variant-words';

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
    <section aria-label="Model">
      <h2>Model</h2>
      ${modelField({
        models: state.models,
        folder: form.folder,
        onChoose: (folder) => actions.chooseModel(folder),
        onBrowse: () => actions.post({ kind: 'browseModel' }),
      })}
      ${modelFacts(state)}
    </section>
    <section aria-label="What it reads">
      <div class="section-head">
        <h2 title="The model runs twice, with this and without it: heads whose output changes read it.">Take away</h2>
        ${segments({
          label: 'What is taken away',
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
  </div>`;
}

/** The chat template of a model that has one, and its own prompt where another one is typed. */
function promptOptions({ state, actions }: Part, form: Form): TemplateResult {
  const model = modelOfForm(state);
  const offered = form.mode === 'span' ? undefined : offeredPrompt(form, model, state.models);
  return html`${
    model?.chatTemplate === true
      ? checkbox({
          label: 'Chat template',
          checked: form.chat,
          hint: 'Put the text into the model’s chat template as one user message; the template places the picture.',
          onChange: (chat) => actions.edit({ chat, ...(form.mode === 'span' ? { span: null } : {}) }),
        })
      : nothing
  }
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

function measureFields({ actions, state }: Part, form: Form, problems: Problems): TemplateResult {
  const heads = modelOfForm(state)?.heads;
  const automaticK = heads === undefined ? undefined : String(Math.max(1, Math.round(heads / 8)));
  const number = (label: string, key: 'maxNewTokens' | 'k' | 'seed', hint: string, placeholder?: string) =>
    field(
      label,
      textField({
        label,
        value: form[key],
        numeric: true,
        hint,
        ...(placeholder === undefined ? {} : { placeholder }),
        problem: problems[key],
        onInput: (text) => actions.edit({ [key]: text }),
      }),
      hint,
    );
  return html`${field(
    'Distance',
    dropdown({
      label: 'Distance',
      choices: distanceInfos.map(({ id, title, definition }) => ({ value: id, label: title, hint: definition })),
      value: form.distance,
      onChange: (distance) => actions.edit({ distance: distance as VhdDistance }),
    }),
    distanceInfos.find(({ id }) => id === form.distance)?.definition,
  )}
  ${field(
    'Outliers',
    dropdown({
      label: 'Outliers',
      choices: outlierInfos.map(({ id, title, definition }) => ({ value: id, label: title, hint: definition })),
      value: form.outliers,
      onChange: (outliers) => actions.edit({ outliers: outliers as OutlierRule }),
    }),
    outlierInfos.find(({ id }) => id === form.outliers)?.definition,
  )}
  ${field(
    'Positions',
    dropdown({
      label: 'Positions after the removal',
      choices: [
        {
          value: 'contiguous',
          label: 'Contiguous',
          hint: 'The text moves together, as in the released code; text heads then also differ, by their distances.',
        },
        { value: 'original', label: 'Original', hint: 'Control: each token keeps its position.' },
      ],
      value: form.positions,
      onChange: (positions) => actions.edit({ positions: positions as RemovedPositions }),
    }),
    'Positions of the text behind what is taken away, in the second pass: contiguous closes the gap, original leaves it.',
  )}
  ${number('Heads (k)', 'k', `How many heads of each layer T-VHD sums, those of the largest divergence; empty: ${automaticK ?? 'an eighth of them'}.`, automaticK ?? 'auto')}
  ${number('Most tokens', 'maxNewTokens', 'The caption is cut after so many tokens; a word takes one or more.')}
  ${
    form.mode === 'set'
      ? field(
          'Captions',
          dropdown({
            label: 'Captions',
            choices: [
              { value: 'plain', label: 'Plain alone' },
              { value: 'reinforced', label: `Plain and reinforced x ${form.alpha}` },
              { value: 'controls', label: 'These and controls', hint: 'Random heads, and the norm kept.' },
            ],
            value: form.setCaptions,
            onChange: (value) => actions.edit({ setCaptions: value as SetCaptions }),
          }),
          'Which captions are made of each picture.',
        )
      : nothing
  }
  ${
    form.mode === 'set'
      ? nothing
      : number(
          'Seed',
          'seed',
          'Number from which the random heads of the control are drawn: the same seed draws the same heads.',
        )
  }`;
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
  const plan = planOf(state);
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
      ${field(
        'Pictures',
        textField({
          label: 'Pictures',
          value: form.mostImages,
          hint: 'So many are drawn from the folder by the seed; all takes every one.',
          placeholder: 'all',
          problem: problems.mostImages,
          onInput: (mostImages) => actions.edit({ mostImages }),
        }),
        'How many pictures are captioned: a number, drawn from the folder by the seed, or all.',
      )}
      ${field(
        'Seed',
        textField({
          label: 'Seed',
          value: form.seed,
          numeric: true,
          hint: 'The same seed draws the same pictures, and the same random heads of the control.',
          problem: problems.seed,
          onInput: (seed) => actions.edit({ seed }),
        }),
        'Number from which the pictures and the random heads of the control are drawn.',
      )}
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

function modelFacts(state: State): TemplateResult {
  const model = modelOfForm(state);
  const choice = state.models.find(({ folder }) => folder === state.form?.folder);
  if (choice && choice.runs !== true) return html`<p class="problem" role="alert">${choice.runs}</p>`;
  if (!model) {
    return html`<p class="reason">
      ${state.form?.folder ? 'Reading its files…' : 'A checkpoint folder with config.json and safetensors.'}
    </p>`;
  }
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
  if (!form) return '';
  const subject =
    form.mode === 'image'
      ? lastName(form.image) || 'no picture'
      : form.mode === 'set'
        ? lastName(form.images) || 'no folder'
        : 'text';
  return `${lastName(form.folder) || 'no model'} · ${subject}`;
}
