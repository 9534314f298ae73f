/** The fields of what an analysis reads, by the kind of its input. */
import { html, nothing, type TemplateResult } from 'lit';
import { inputKinds, type InputKind } from '../../../protocol/analysis/analysis';
import { checkbox, dropdown, field, segments, textField } from '../../ui/controls';
import { modelOfForm } from '../../ui/run-state';
import { textArea } from '../../ui/text-area';
import type { Part } from './actions';
import { ofKind, type InputForm, type InputProblems } from './input-form';
import { pathField } from '../../ui/path-field';
import { promptTokens } from './prompt-tokens';
import { infoOf, readingOf, readOf } from './shown';
import type { State } from './state';
import { pairTask, pairView } from './pair-view';
import { chatNote, familyPrompt, folderNotes, picturePreview } from './picture-notes';
import { taskFields } from './task-fields';

const titles: Readonly<Record<InputKind, string>> = {
  prompt: 'Prompt',
  'prompt-pair': 'Prompt and counterpart',
  task: 'Task',
  corpus: 'Corpus',
  image: 'Picture and prompt',
  'image-set': 'Folder of pictures',
  none: 'None: weights alone',
};

export function inputFields(part: Part): TemplateResult {
  const { state } = part;
  const info = infoOf(state);
  const input = state.form?.input;
  if (!input) return html``;
  // One that trains its own model reads nothing else either.
  if (!state.tabs && (!info || info.trains)) return html``;
  const inputs = state.tabs ? inputKinds : (info?.inputs ?? []);
  const reading = readingOf(state);
  const problems = (reading?.ok === false ? reading.problems.input : undefined) ?? {};
  const { kind } = input;
  return html`<section aria-label=${titles[kind]}>
    <div class="section-head">
      <h2>${state.tabs ? 'Input' : titles[kind]}</h2>
      ${inputs.length > 1 ? kinds(part, input, inputs, kind) : nothing}
      ${hasPrompt(kind) && !info?.readsPictures ? modes(part, input, kind) : nothing}
    </div>
    ${fieldsOf(part, kind, input, problems)}
  </section>`;
}

/** The most kinds of input that are buttons side by side; more of them are a list. */
const mostSegments = 3;

const kinds = ({ actions }: Part, input: InputForm, inputs: readonly InputKind[], value: InputKind): TemplateResult =>
  (inputs.length > mostSegments ? dropdown : segments<InputKind>)({
    label: 'Input',
    choices: inputs.map((kind) => ({ value: kind, label: titles[kind] })),
    value,
    onChange: (kind: string) => actions.editInput(ofKind(input, kind as InputKind)),
  });

const hasPrompt = (kind: InputKind): boolean => ['prompt', 'prompt-pair', 'image', 'image-set'].includes(kind);

function modes({ state, actions }: Part, input: InputForm, kind: InputKind): TemplateResult {
  const picture = kind === 'prompt' && (modelOfForm(state)?.vision !== undefined || input.mode === 'picture');
  return segments<InputForm['mode']>({
    label: 'Prompt as',
    choices: [
      { value: 'text', label: 'Text' },
      { value: 'ids', label: 'Token ids' },
      ...(picture ? [{ value: 'picture' as const, label: 'Picture' }] : []),
    ],
    value: input.mode,
    onChange: (mode) => actions.editInput({ mode, ...idsOf(state, input, mode) }),
  });
}

/** Ids begin with the tokens of the text, so that one of them can be changed. */
function idsOf(state: State, { ids: typed, image }: InputForm, mode: InputForm['mode']): Partial<InputForm> {
  const prompt = readOf(state)?.prompt;
  return mode === 'ids' && typed.trim() === '' && image === '' && prompt ? { ids: prompt.ids.join(' ') } : {};
}

function fieldsOf(part: Part, kind: InputKind, input: InputForm, problems: InputProblems): TemplateResult {
  switch (kind) {
    case 'prompt':
      return input.mode === 'picture'
        ? html`${picture(part, input, problems)}
            <p class="reason">The heads of the vision encoder read the picture alone.</p>`
        : html`${maybePicture(part, input, problems)} ${prompt(part, input, problems)} ${promptTokens(part, input)}
          ${promptNotes(part, input)}`;
    case 'prompt-pair':
      return html`${prompt(part, input, problems)}
        <h3>Counterpart</h3>
        ${counterpart(part, input, problems)} ${pairView(part)} ${chat(part, input)} ${pairTask(part)}`;
    case 'image':
      return html`${picture(part, input, problems)} ${prompt(part, input, problems)} ${promptNotes(part, input)}`;
    case 'image-set':
      return html`<div class="fields">
          ${path(part, 'Folder', 'input.folder', 'folder', input.folder, problems.folder, 'folder')}
          ${samples(part, input, problems, 'Pictures')}
        </div>
        ${folderNotes(part.state)}
        ${
          infoOf(part.state)?.readsPictures
            ? html`<p class="reason">The heads of the vision encoder read the pictures alone.</p>`
            : html`${prompt(part, input, problems)} ${promptNotes(part, input)}`
        }`;
    case 'task':
      return taskFields(part, input, problems, samples(part, input, problems, 'Samples'));
    case 'corpus':
      return html`<div class="fields">
          ${field(
            'File or folder',
            pathField({
              label: 'File or folder',
              value: input.file,
              placeholder: 'Path',
              problem: input.file === '' ? undefined : problems.file,
              what: 'file',
              onInput: (file) => part.actions.editInput({ file }),
              onBrowse: () => part.actions.choosePath('input.file', 'file'),
              onBrowseFolder: () => part.actions.choosePath('input.file', 'folder'),
            }),
          )}
        </div>
        <p class="reason">
          JSONL with a “text” in each line (“id” and “source” where you have them), a text file with blank lines between
          its documents, or a folder of text files.
        </p>`;
    case 'none':
      return html`<p class="reason">This analysis reads no input: what it needs is among its parameters.</p>`;
  }
}

/** For an encoder-decoder the prompt is its source, and a second field takes the target. */
const hasTarget = ({ state }: Part): boolean => modelOfForm(state)?.source !== undefined;

function prompt(part: Part, input: InputForm, problems: InputProblems): TemplateResult {
  const own = (what: string): TemplateResult =>
    input.mode === 'ids'
      ? ids(part, `${what} token ids`, 'prompt', input.ids, problems.prompt, 'ids')
      : text(part, `${what} text`, 'prompt', input.text, problems.prompt, 'text');
  if (!hasTarget(part)) return own('Prompt');
  return html`${field('Source', own('Source'))}
  ${
    input.mode === 'ids'
      ? target(part, 'Target token ids', 'targetIds', input.targetIds, problems.target, input.kind === 'prompt-pair')
      : target(part, 'Target text', 'target', input.target, problems.target, input.kind === 'prompt-pair')
  }`;
}

function counterpart(part: Part, input: InputForm, problems: InputProblems): TemplateResult {
  const own = (what: string): TemplateResult =>
    input.mode === 'ids'
      ? ids(part, `${what} token ids`, 'counterpart', input.counterIds, problems.counterpart, 'counterIds')
      : text(part, `${what} text`, 'counterpart', input.counterText, problems.counterpart, 'counterText');
  if (!hasTarget(part)) return own('Counterpart');
  return html`${field('Source', own('Counterpart source'))}
  ${
    input.mode === 'ids'
      ? target(part, 'Counterpart target token ids', 'counterTargetIds', input.counterTargetIds, problems.counterTarget)
      : target(part, 'Counterpart target text', 'counterTarget', input.counterTarget, problems.counterTarget)
  }`;
}

const emptyTarget = {
  prompt: 'Empty: the model writes it',
  pair: 'Empty: the first token is asked for',
  counterpart: 'Empty: that of the prompt',
} as const;

const target = (
  { actions }: Part,
  label: string,
  name: 'target' | 'targetIds' | 'counterTarget' | 'counterTargetIds',
  value: string,
  problem: string | undefined,
  pair = false,
): TemplateResult =>
  field(
    'Target',
    textArea({
      label,
      id: name,
      value,
      rows: 2,
      code: true,
      placeholder: name.startsWith('counter') ? emptyTarget.counterpart : emptyTarget[pair ? 'pair' : 'prompt'],
      problem,
      onInput: (typed) => actions.editInput({ [name]: typed }),
    }),
  );

/** An empty prompt is no mistake to be shown in red before anything was typed. */
const text = (
  { actions, state }: Part,
  label: string,
  id: string,
  value: string,
  problem: string | undefined,
  name: 'text' | 'counterText',
): TemplateResult =>
  textArea({
    label,
    id,
    value,
    rows: 4,
    code: true,
    placeholder: 'Text that the model reads',
    problem: value === '' && (modelOfForm(state)?.tokenizer ?? true) === true ? undefined : problem,
    onInput: (typed) => actions.editInput({ [name]: typed }),
  });

const ids = (
  { actions }: Part,
  label: string,
  id: string,
  value: string,
  problem: string | undefined,
  name: 'ids' | 'counterIds',
): TemplateResult =>
  textArea({
    label,
    id,
    value,
    rows: 4,
    code: true,
    placeholder: '1 523 88 …',
    problem: value.trim() === '' ? undefined : problem,
    onInput: (typed) => actions.editInput({ [name]: typed }),
  });

const chat = ({ state, actions }: Part, input: InputForm): TemplateResult | typeof nothing =>
  input.mode === 'text' && modelOfForm(state)?.chatTemplate === true
    ? checkbox({
        label: 'Chat template',
        checked: input.chat,
        hint: 'Put the text into the model’s chat template as one user message.',
        onChange: (on) => actions.editInput({ chat: on }),
      })
    : nothing;

const picture = (part: Part, input: InputForm, problems: InputProblems): TemplateResult =>
  html`<div class="fields">
      ${path(part, 'Picture', 'input.image', 'picture', input.image, problems.image, 'image')}
    </div>
    ${picturePreview(part.state)}`;

/** What is offered and said under a prompt. */
const promptNotes = (part: Part, input: InputForm): TemplateResult =>
  html`${chat(part, input)} ${familyPrompt(part, input)} ${chatNote(part.state)}`;

/** A picture beside the text, where the model reads one. */
const maybePicture = (part: Part, input: InputForm, problems: InputProblems): TemplateResult | typeof nothing =>
  modelOfForm(part.state)?.vision !== undefined || input.image !== '' ? picture(part, input, problems) : nothing;

const path = (
  { actions }: Part,
  label: string,
  id: string,
  what: 'folder' | 'picture',
  value: string,
  problem: string | undefined,
  name: 'folder' | 'image',
): TemplateResult =>
  field(
    label,
    pathField({
      label,
      value,
      what,
      problem: value === '' ? undefined : problem,
      placeholder: 'Path',
      onInput: (typed) => actions.editInput({ [name]: typed }),
      onBrowse: () => actions.choosePath(id, what),
    }),
  );

const samples = ({ actions }: Part, input: InputForm, problems: InputProblems, label: string): TemplateResult =>
  field(
    label,
    textField({
      label,
      value: input.samples,
      numeric: true,
      problem: problems.samples,
      onInput: (typed) => actions.editInput({ samples: typed }),
    }),
  );
